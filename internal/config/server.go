// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Server is where probes, people and other programs reach `usher serve`.
type Server struct {
	Address  Text `json:"address"`  // host:port, default 127.0.0.1:8484
	Insecure bool `json:"insecure"` // beyond loopback without TLS
	// PublicURL is how others reach it, such as https://usher.example; empty if
	// they reach it at Address alone.
	PublicURL  Text   `json:"public_url,omitzero"`
	SigningKey Secret `json:"-"` // a private key in PEM, or the path of a file with one
}

// The values of Telemetry.LogLevel and Telemetry.LogFormat.
const (
	LogDebug = "debug"
	LogInfo  = "info"
	LogWarn  = "warn"
	LogError = "error"

	LogAuto = "auto" // text on a terminal, else JSON
	LogText = "text"
	LogJSON = "json"
)

// Telemetry is what `usher serve` tells of itself.
type Telemetry struct {
	// MetricsAddress is host:port; "off" for none, and if it is empty
	// 127.0.0.1:8485 unless somebody else listens there.
	MetricsAddress  Text   `json:"metrics_address"`
	MetricsInsecure bool   `json:"metrics_insecure"` // beyond loopback, for whoever gets there
	LogLevel        string `json:"log_level"`
	LogFormat       string `json:"log_format"`
}

// Off is the address of a listener that is not wanted.
const Off = "off"

// DefaultServer is what holds when the file says nothing.
func DefaultServer() Server { return Server{Address: Text{Value: "127.0.0.1:8484"}} }

// DefaultTelemetry is what holds when the file says nothing.
func DefaultTelemetry() Telemetry { return Telemetry{LogLevel: LogInfo, LogFormat: LogAuto} }

func (d *decoder) server(n *node, s *Server) {
	var address *node
	d.section(n, "server", n.pos,
		field{key: "address", read: func(n *node) { address = n; set(&s.Address)(d.text(n, "server.address")) }},
		field{key: "insecure", read: func(n *node) { set(&s.Insecure)(d.boolean(n, "server.insecure")) }},
		field{key: "public_url", read: func(n *node) { s.PublicURL = d.publicURL(n, "server.public_url") }},
		field{key: "signing_key", read: func(n *node) { s.SigningKey = d.signingKey(n, "server.signing_key") }},
	)
	if address != nil {
		d.listen(address, "server.address", s.Address, s.Insecure, "there is no TLS in this version: put a proxy with TLS before it, or say insecure: true")
	}
}

func (d *decoder) telemetry(n *node, t *Telemetry) {
	var address *node
	d.section(n, "telemetry", n.pos,
		field{key: "metrics_address", read: func(n *node) {
			address = n
			set(&t.MetricsAddress)(d.text(n, "telemetry.metrics_address"))
		}},
		field{key: "metrics_insecure", read: func(n *node) { set(&t.MetricsInsecure)(d.boolean(n, "telemetry.metrics_insecure")) }},
		field{key: "log_level", read: func(n *node) {
			if w, ok := d.choice(n, "telemetry.log_level", LogDebug, LogInfo, LogWarn, LogError); ok {
				t.LogLevel = w.Value
			}
		}},
		field{key: "log_format", read: func(n *node) {
			if w, ok := d.choice(n, "telemetry.log_format", LogAuto, LogText, LogJSON); ok {
				t.LogFormat = w.Value
			}
		}},
	)
	if address != nil && t.MetricsAddress.Value != Off {
		d.listen(address, "telemetry.metrics_address", t.MetricsAddress, t.MetricsInsecure, "metrics have no sign-in: say metrics_insecure: true if whoever gets there may read them")
	}
}

// listen checks an address to listen on. Beyond loopback it must be meant.
func (d *decoder) listen(n *node, what string, t Text, insecure bool, hint string) {
	if t.IsZero() {
		return // told already
	}
	host, port, err := net.SplitHostPort(t.Value)
	if err != nil {
		d.fail(n.pos, what+" is no address to listen on: "+quote(n.raw), "write host:port, such as 127.0.0.1:8484")
		return
	}
	if p, err := strconv.ParseUint(port, 10, 16); err != nil || port != strconv.FormatUint(p, 10) {
		d.fail(n.pos, what+" has no port between 0 and 65535: "+quote(n.raw), "write host:port, such as 127.0.0.1:8484")
		return
	}
	if !loopback(host) && !insecure {
		d.fail(n.pos, what+" listens beyond this machine: "+quote(n.raw), hint)
	}
}

// publicURL reads where a server is reached: scheme and host, with a port if need
// be, spelled in the one way that others can compare with.
func (d *decoder) publicURL(n *node, what string) Text {
	t, ok := d.text(n, what)
	if !ok {
		return t
	}
	u, err := url.Parse(t.Value)
	switch {
	case err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		d.fail(t.Pos, what+" is no URL of a server: "+quote(n.raw), "write https://usher.example, without path, query or user")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		d.fail(t.Pos, what+" must begin with https://", "tokens would go over the network in clear")
	default:
		t.Value = u.Scheme + "://" + strings.ToLower(u.Host)
	}
	return t
}

// loopback reports whether a host is this machine and nobody else's. A name
// other than localhost may lead anywhere by the time it is looked up.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// boolean reads true or false.
func (d *decoder) boolean(n *node, what string) (value, ok bool) {
	kinds := []kind{kindBool}
	if n.expanded {
		kinds = append(kinds, kindText, kindQuoted)
	}
	if !d.is(n, what, "true or false", kinds...) {
		return false, false
	}
	switch strings.TrimSpace(n.value) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	d.fail(n.pos, what+" must be true or false, not "+quote(n.raw), "")
	return false, false
}
