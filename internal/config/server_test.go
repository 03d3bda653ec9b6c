// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/config"
)

func TestServerDefaults(t *testing.T) {
	t.Parallel()
	cfg := mustParse(t, small, nil)
	if cfg.Server != config.DefaultServer() || cfg.Telemetry != config.DefaultTelemetry() {
		t.Errorf("%+v, %+v", cfg.Server, cfg.Telemetry)
	}
	cfg = mustParse(t, small+"server: {address: '${ADDR}', insecure: '${OPEN}'}\ntelemetry: {metrics_address: 'off', log_level: debug, log_format: json}\n",
		map[string]string{"ADDR": "0.0.0.0:80", "OPEN": "true"})
	if cfg.Server.Address.Value != "0.0.0.0:80" || !cfg.Server.Insecure || cfg.Telemetry.MetricsAddress.Value != config.Off ||
		cfg.Telemetry.LogLevel != config.LogDebug || cfg.Telemetry.LogFormat != config.LogJSON {
		t.Errorf("%+v, %+v", cfg.Server, cfg.Telemetry)
	}
}

// What listens beyond this machine must be meant.
func TestListenAddresses(t *testing.T) {
	t.Parallel()
	for address, fault := range map[string]string{
		"127.0.0.1:8484":       "",
		"127.9.9.9:0":          "",
		"[::1]:8484":           "",
		"localhost:8484":       "",
		":8484":                "beyond this machine",
		"0.0.0.0:8484":         "beyond this machine",
		"[::]:8484":            "beyond this machine",
		"10.0.0.1:8484":        "beyond this machine",
		"usher.acme:8484":      "beyond this machine",
		"[::ffff:7f00:1]:8484": "",
		"127.0.0.1":            "no address",
		"127.0.0.1:http":       "no port",
		"127.0.0.1:65536":      "no port",
		"127.0.0.1:-1":         "no port",
		"127.0.0.1:080":        "no port",
		"http://x:80":          "no address",
	} {
		for section, insecure := range map[string]string{
			"server: {address: '" + address + "'": "insecure", "telemetry: {metrics_address: '" + address + "'": "metrics_insecure",
		} {
			_, err := config.Parse("usher.yaml", []byte(small+section+"}\n"), nil)
			if (err == nil) != (fault == "") || err != nil && !strings.Contains(err.Error(), fault) {
				t.Errorf("%s: %v, want %q", section, err, fault)
			}
			_, err = config.Parse("usher.yaml", []byte(small+section+", "+insecure+": true}\n"), nil)
			if wide := fault == "beyond this machine" || fault == ""; (err == nil) != wide {
				t.Errorf("%s with %s: %v", section, insecure, err)
			}
		}
	}
}

func TestServerMistakes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ section, want string }{
		{"server: {addresses: x}", `usher.yaml:7:10: unknown key "addresses" in server (did you mean address?)`},
		{"server: {insecure: 1}", "usher.yaml:7:20: server.insecure must be true or false, not a number"},
		{"server: {insecure: yes}", "usher.yaml:7:20: server.insecure must be true or false, not text"},
		{"server: {address: ''}", "usher.yaml:7:20: server.address is empty"},
		{"telemetry: {log_level: loud}", `usher.yaml:7:24: telemetry.log_level cannot be "loud" (known: debug, info, warn, error)`},
		{"telemetry: {log_format: xml}", `usher.yaml:7:25: telemetry.log_format cannot be "xml" (known: auto, text, json)`},
	} {
		_, err := config.Parse("usher.yaml", []byte(small+c.section+"\n"), nil)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", c.section, err, c.want)
		}
	}
}
