// SPDX-License-Identifier: Apache-2.0

package scimevent_test

import (
	"fmt"
	"log"
	"time"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimevent"
)

// The claims of a token are the payload of a JWS.
func ExampleToken() {
	t := scimevent.Token{
		Issuer: "https://usher.example", Audience: []string{"https://app.example"}, ID: "4d3559ec", IssuedAt: time.Unix(1458496404, 0), Txn: "734f0614",
		Subject: scimevent.Subject{URI: "/Users/44f6142d", ExternalID: "jdoe"},
		Events:  []scimevent.Event{{URI: scimevent.PatchNotice, Attributes: []string{"active"}}, {URI: scimevent.Deactivate}},
	}
	claims, err := t.MarshalJSON()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(claims))
	// Output:
	// {"iss":"https://usher.example","aud":["https://app.example"],"iat":1458496404,"jti":"4d3559ec","txn":"734f0614","sub_id":{"format":"scim","uri":"/Users/44f6142d","externalId":"jdoe"},"events":{"urn:ietf:params:scim:event:prov:patch:notice":{"attributes":["active"]},"urn:ietf:params:scim:event:prov:deactivate":{}}}
}

// A recipient checks the signature, and reads what was signed.
func ExampleParse() {
	claims := `{"iss":"https://usher.example","iat":1458496404,"jti":"4d3559ec","sub_id":{"format":"scim","uri":"/Users/44f6142d"},
		"events":{"urn:ietf:params:scim:event:prov:deactivate":{}}}`
	t, err := scimevent.Parse([]byte(claims), scim.Limits{})
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range t.Events {
		if e.URI == scimevent.Deactivate {
			fmt.Println("end the sessions of", t.Subject.URI)
		}
	}
	// Output:
	// end the sessions of /Users/44f6142d
}

// A poll says what came before was kept, and asks for more.
func ExamplePollRequest() {
	body, err := scimevent.PollRequest{MaxEvents: 10, Ack: []string{"4d3559ec"}}.MarshalJSON()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(body))
	// Output:
	// {"maxEvents":10,"ack":["4d3559ec"]}
}
