// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/secret"
	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/internal/telemetry"
)

// logLevelVariable overrides telemetry.log_level.
const logLevelVariable = "USHER_LOG_LEVEL"

func (c *cli) serveCommand() *cobra.Command {
	return c.withFile(&cobra.Command{
		Use:   "serve",
		Short: "Run for ever: read sources when they change, keep every app in step",
		Long: "Does for ever what apply does once: sources are read when their files change, people start and leave on their\n" +
			"day, and every app follows. It logs to stderr, one line for each decision: text on a terminal, JSON otherwise.\n" +
			"Ctrl-C or SIGTERM stops it: nothing new is sent, what is in flight is waited for, and it says what was left.\n" +
			"status, people, apps, calendar and why work beside it, and so do apply --person and apply --release-hold.\n" +
			"It listens on server.address (127.0.0.1:8484) for /healthz and /readyz, and for /metrics on an address of its own.",
		Example: "  usher serve -c usher.yaml\n  USHER_LOG_LEVEL=debug usher serve -c usher.yaml\n  curl -s http://127.0.0.1:8484/readyz",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			b, err := c.build(cmd.Context())
			if err != nil {
				return err
			}
			if err := b.Servable(); err != nil {
				return err
			}
			u, err := b.Open(cmd.Context(), server.ServeHolder())
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, u.Close()) }()
			if err := u.Unseal(cmd.Context()); err != nil {
				return err
			}
			log, err := c.log(b.Config, u.SealedValues())
			if err != nil {
				return err
			}
			left, err := u.Serve(cmd.Context(), server.ServeOptions{Log: log, Actor: actor("serve")})
			if left == nil {
				return err
			}
			left.Engine = server.EngineStatus{} // which is us, and we are done
			if c.json {
				return errors.Join(err, c.document(left))
			}
			c.left(left)
			return err
		},
	})
}

// log is what a daemon tells of itself, on stderr.
func (c *cli) log(cfg *config.Config, secrets []string) (*slog.Logger, error) {
	name := cfg.Telemetry.LogLevel
	if v, ok := c.lookup(logLevelVariable); ok && v != "" {
		name = v
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(name)); err != nil {
		return nil, usageError{fmt.Errorf("%s is %q; it can be debug, info, warn or error", logLevelVariable, name)}
	}
	f, ok := c.err.(*os.File)
	plain := ok && term.IsTerminal(int(f.Fd()))
	if key := cfg.Secrets.Key.Reveal(); secret.LooksLikeKeys(key) {
		secrets = append(secrets, key)
	}
	for _, s := range cfg.Sources {
		if s.Tenant != nil {
			secrets = append(secrets, s.Tenant.Secret.Reveal())
		}
		if s.HTTP != nil && s.HTTP.Auth != nil {
			secrets = append(secrets, s.HTTP.Auth.User.Reveal(), s.HTTP.Auth.Secret.Reveal())
		}
		if s.Webhook != nil {
			for _, one := range s.Webhook.Secrets {
				secrets = append(secrets, one.Reveal())
			}
		}
	}
	for _, a := range cfg.Apps {
		secrets = append(secrets, a.Token.Reveal())
		if a.Auth != nil {
			secrets = append(secrets, a.Auth.User.Reveal(), a.Auth.Secret.Reveal())
		}
		if a.Auth0 != nil {
			secrets = append(secrets, a.Auth0.Tenant.Secret.Reveal())
		}
	}
	for _, s := range cfg.Sources {
		if s.SFTP != nil {
			secrets = append(secrets, s.SFTP.Password.Reveal(), s.SFTP.Passphrase.Reveal())
		}
	}
	return telemetry.NewLog(telemetry.LogConfig{
		Writer: c.err, Level: level, Secrets: secrets,
		JSON: cfg.Telemetry.LogFormat == config.LogJSON || cfg.Telemetry.LogFormat == config.LogAuto && !plain,
	}), nil
}

// left says what is not done when a daemon stops.
func (c *cli) left(s *server.Status) {
	quiet := true
	for _, a := range s.Apps {
		if a.Due > 0 {
			quiet = false
			fmt.Fprintf(c.err, "usher: %s: %s not done; the next start goes on from here\n", a.App, plural(a.Due, "account", "accounts"))
		}
		if a.Parked > 0 {
			fmt.Fprintf(c.err, "usher: %s: %s set aside until something changes\n", a.App, plural(a.Parked, "account or group", "accounts or groups"))
		}
	}
	if s.Asked > 0 {
		quiet = false
		fmt.Fprintf(c.err, "usher: %s not taken; the next start takes them if it comes soon\n", plural(s.Asked, "request", "requests"))
	}
	if quiet {
		fmt.Fprintln(c.err, "usher: stopped; nothing was left undone")
	}
}
