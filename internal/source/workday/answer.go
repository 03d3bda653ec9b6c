// SPDX-License-Identifier: Apache-2.0

package workday

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// deepest is how deep elements may be nested, and mostAttributes how many attributes one
// may have.
const (
	deepest        = 64
	mostAttributes = 64
)

var (
	errDeep      = fmt.Errorf("it is nested deeper than %d", deepest)
	errDTD       = errors.New("it holds a document type declaration")
	errDirective = errors.New("it holds a processing instruction")
	errWide      = fmt.Errorf("an element has more than %d attributes", mostAttributes)
)

// strict hands on the tokens of a text, and refuses whatever an answer has no need of. A
// reference to an entity that XML itself does not have is refused by the decoder.
type strict struct {
	d     *xml.Decoder
	depth int
	begun bool
}

// Token implements xml.TokenReader.
func (s *strict) Token() (xml.Token, error) {
	for {
		t, err := s.d.Token()
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.Directive:
			return nil, errDTD
		case xml.ProcInst:
			if s.begun || t.Target != "xml" {
				return nil, errDirective
			}
			continue // the decoder has held its encoding to UTF-8
		case xml.Comment:
			continue
		case xml.StartElement:
			if s.depth++; s.depth > deepest {
				return nil, errDeep
			}
			if len(t.Attr) > mostAttributes {
				return nil, errWide
			}
			s.begun = true
		case xml.EndElement:
			s.depth--
		}
		return t, nil
	}
}

// read reads a whole text into v. What is wrong is said without what stands there.
func read(text []byte, v any) error {
	raw := xml.NewDecoder(bytes.NewReader(text))
	d := xml.NewTokenDecoder(&strict{d: raw})
	err := d.Decode(v)
	if err == nil {
		err = ended(d)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errDeep), errors.Is(err, errDTD), errors.Is(err, errDirective), errors.Is(err, errWide), errors.Is(err, errBehind):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), raw.InputOffset() >= int64(len(text)):
		return fmt.Errorf("it is cut off at byte %d", raw.InputOffset())
	}
	return fmt.Errorf("it is no message of SOAP 1.1 in UTF-8, from byte %d on", raw.InputOffset())
}

var errBehind = errors.New("something stands behind its end")

func ended(d *xml.Decoder) error {
	for {
		t, err := d.Token()
		switch t := t.(type) {
		case xml.CharData:
			if len(bytes.TrimSpace(t)) == 0 && err == nil {
				continue
			}
		case nil:
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		return errBehind
	}
}

// answer is the envelope of an answer.
type answer struct {
	XMLName xml.Name `xml:"http://schemas.xmlsoap.org/soap/envelope/ Envelope"`
	Body    struct {
		Fault    *fault    `xml:"http://schemas.xmlsoap.org/soap/envelope/ Fault"`
		Response *response `xml:"urn:com.workday/bsvc Get_Workers_Response"`
	} `xml:"http://schemas.xmlsoap.org/soap/envelope/ Body"`
}

// fault is a refusal, SOAP 1.1 §4.4. Its members have no namespace.
type fault struct {
	Code string `xml:"faultcode"`
	Text string `xml:"faultstring"`
}

// response is a Get_Workers_Response.
type response struct {
	Results *results `xml:"urn:com.workday/bsvc Response_Results"`
	Data    struct {
		Workers []element `xml:"urn:com.workday/bsvc Worker"`
	} `xml:"urn:com.workday/bsvc Response_Data"`
}

type results struct {
	Total int `xml:"urn:com.workday/bsvc Total_Results"`
	Pages int `xml:"urn:com.workday/bsvc Total_Pages"`
	Here  int `xml:"urn:com.workday/bsvc Page_Results"`
	Page  int `xml:"urn:com.workday/bsvc Page"`
}

// Refused reads an answer that is none of success: what is wrong, in words that hold
// nothing of the answer; whether it is about who we are; and whether another try may help.
// "" says that its status tells more.
func (f *Feed) Refused(_ int, body []byte) (msg string, credential, again bool) {
	var a answer
	if read(body, &a) != nil || a.Body.Fault == nil {
		return "", false, false
	}
	return a.Body.Fault.says()
}

// says takes a fault by its code, whose prefix is of SOAP's namespace; which codes there are
// is from answers that are public: docs/hr/workday.md.
func (e *fault) says() (msg string, credential, again bool) {
	_, code, _ := strings.Cut(strings.TrimSpace(e.Code), ":")
	side, kind, _ := strings.Cut(code, ".")
	unauthorised := strings.Contains(strings.ToLower(e.Text), "not authorized")
	switch {
	case kind == "authenticationError":
		return "does not take user and password: the user is NAME@TENANT; check auth, whether the password has expired, and whether the account is locked", true, false
	case unauthorised:
		return "does not let this user run Get_Workers: give its security group Get of the domains that it takes, and activate the change", true, false
	case kind == "validationError":
		return "refuses the request as not valid: check that the version in url is one that Human_Resources has", false, false
	case side == "Client":
		return "refuses the request (a fault of the client): check url and its version", false, false
	}
	return "fails (a fault of the server)", false, true
}
