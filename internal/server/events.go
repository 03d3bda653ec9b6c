// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/dial"
	"github.com/usher-id/usher/internal/events"
)

const (
	// eventsPath is where events are fetched, below the SCIM base. RFC 8936 leaves it
	// open; no resource type can be called so.
	eventsPath = "/.events"
	// keysPath is where the keys are with which we sign (CONTRACT).
	keysPath = "/.well-known/jwks.json"

	eventDialTimeout = 10 * time.Second
)

// Events is who is told of what a provider pushes.
type Events struct {
	Feed      events.Feed
	Retention events.Retention
	Push      *config.EventPush // nil for none
	Poll      bool
}

// events builds who is told of a source's changes; nil for nobody.
func (b *Built) events(s config.Source) (*Events, error) {
	c := s.Events
	if c == nil {
		return nil, nil
	}
	server := b.Config.Server
	what := "events of source " + s.Name
	switch {
	case server.PublicURL.IsZero():
		return nil, &config.Error{Pos: c.Pos, Msg: what + " have no issuer", Hint: "server.public_url says how others reach it"}
	case server.SigningKey.IsZero():
		return nil, &config.Error{Pos: c.Pos, Msg: what + " cannot be signed", Hint: "server.signing_key names a key: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256"}
	}
	out := &Events{
		Feed:      events.Feed{Source: s.Name, Issuer: server.PublicURL.Value, Audience: c.Audience.Value, Full: c.Payload == config.EventFull},
		Retention: events.Retention{Age: time.Duration(c.MaxAge), Number: c.MaxWaiting}, Push: c.Push, Poll: c.Poll,
	}
	if c.Push != nil {
		out.Feed.Deliveries = append(out.Feed.Deliveries, events.Push)
	}
	if c.Poll {
		out.Feed.Deliveries = append(out.Feed.Deliveries, events.Poll)
	}
	for _, k := range c.Kinds {
		out.Feed.Kinds = append(out.Feed.Kinds, events.Kind(k.Value))
	}
	return out, nil
}

// signer reads the key with which we sign; nil if there is none.
func (b *Built) signer() (*events.Signer, error) {
	key := b.Config.Server.SigningKey
	if key.IsZero() {
		return nil, nil
	}
	var text []byte
	var err error
	if key.Ref() != "" {
		sealed, verr := b.vault.reveal(key)
		text, err = []byte(sealed), verr
	} else {
		text, err = pemOf(key, "server.signing_key")
	}
	if err != nil {
		return nil, err
	}
	s, err := events.NewSigner(text)
	if err != nil {
		return nil, config.Errors{{Pos: key.Pos(), Msg: "server.signing_key: " + err.Error()}}
	}
	return s, nil
}

// pemOf reads a private key that is written where it is used, or in a file.
func pemOf(key config.Secret, what string) ([]byte, error) { return fileOr(key, "-----BEGIN ", what) }

// fileOr is what a key is, which it shows by what is in it, or what is in the file that it names.
func fileOr(key config.Secret, shows, what string) ([]byte, error) {
	if strings.Contains(key.Reveal(), shows) {
		return []byte(key.Reveal()), nil
	}
	text, err := os.ReadFile(key.Reveal())
	if err != nil {
		// Without the path: it may be a key by mistake.
		var at *os.PathError
		if errors.As(err, &at) {
			err = at.Err
		}
		return nil, config.Errors{{Pos: key.Pos(), Msg: what + " names no file that can be read: " + err.Error()}}
	}
	return text, nil
}

// outbox is what the daemon delivers events with.
type outbox struct {
	signer    *events.Signer // nil: nothing is signed
	tally     events.Tally
	bells     map[string]*events.Bell // by source
	stopping  chan struct{}           // closed when polls are to be answered
	stopPolls func()
}

func (d *daemon) buildOutbox() (err error) {
	d.bells, d.stopping = map[string]*events.Bell{}, make(chan struct{})
	d.stopPolls = sync.OnceFunc(func() { close(d.stopping) })
	for _, s := range d.Pushed {
		if s.Events != nil {
			d.bells[s.Name] = &events.Bell{}
		}
	}
	d.outbox.signer, err = d.Built.signer()
	return err
}

// ring tells who waits that a source has changed.
func (d *daemon) ring(source string) {
	if b := d.bells[source]; b != nil {
		b.Ring()
	}
}

// feed is what a source's changes are told by; nil for nothing.
func (d *daemon) feed(s Pushed) *events.Feed {
	if s.Events == nil {
		return nil
	}
	return &s.Events.Feed
}

// withEvents lets a source's events be fetched beside its resources.
func (d *daemon) withEvents(s Pushed, resources http.Handler) http.Handler {
	if s.Events == nil || !s.Events.Poll {
		return resources
	}
	events := d.poller(s)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == scimPath+eventsPath {
			events.ServeHTTP(w, r)
			return
		}
		resources.ServeHTTP(w, r)
	})
}

// poller is where a source's events are fetched.
func (d *daemon) poller(s Pushed) *events.Poller {
	return events.NewPoller(events.PollConfig{
		Stream: events.Stream{Source: s.Name, Delivery: events.Poll}, Store: d.db.Events(), Signer: d.outbox.signer, Bell: d.bells[s.Name],
		Tally: &d.tally, Log: d.log, Stopping: d.stopping, Wait: events.LongestWait,
	})
}

// deliverEvents pushes events to those who are pushed to, and drops what nobody
// fetches, until ctx ends. What is left of streams that the configuration no longer has
// is dropped in its time.
func (d *daemon) deliverEvents(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	of := map[events.Stream]events.Retention{}
	for _, s := range d.Pushed {
		if s.Events == nil {
			continue
		}
		for _, delivery := range s.Events.Feed.Deliveries {
			of[events.Stream{Source: s.Name, Delivery: delivery}] = s.Events.Retention
		}
		if to := s.Events.Push; to != nil {
			p := d.pusher(s.Name, to)
			g.Go(func() error {
				p.Run(ctx)
				return nil
			})
		}
	}
	g.Go(func() error {
		(&events.Keeper{Store: d.db.Events(), Of: of, Tally: &d.tally, Log: d.log}).Run(ctx)
		return nil
	})
	return g.Wait()
}

func (d *daemon) pusher(source string, to *config.EventPush) *events.Pusher {
	allow := dial.Allow{
		Loopback: to.Allows(config.AllowLoopback), Private: to.Allows(config.AllowPrivate), PlainHTTP: to.Allows(config.AllowPlainHTTP), Addresses: config.Addresses(to.Allow),
	}
	return events.NewPusher(events.PushConfig{
		Stream: events.Stream{Source: source, Delivery: events.Push}, URL: to.URL.Value, Token: func() (string, error) { return d.vault.reveal(to.Token) },
		Transport: dial.NewTransport(allow, eventDialTimeout, 1, nil),
		Store:     d.db.Events(), Signer: d.outbox.signer, Bell: d.bells[source], Tally: &d.tally, Log: d.log,
	})
}

// collectEvents is the part of the metrics that tells of events.
func (f *figures) collectEvents(out chan<- prometheus.Metric) {
	waiting := map[events.Stream]int{}
	within, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := f.d.db.Events().View(within, func(tx events.Tx) error {
		all, err := tx.Backlogs(within)
		for _, b := range all {
			waiting[b.Stream] = b.Count
		}
		return err
	})
	if err != nil {
		f.d.log.Error("metrics of events could not be asked for", "err", err)
	}
	for _, s := range f.d.Pushed {
		if s.Events == nil {
			continue
		}
		for _, delivery := range s.Events.Feed.Deliveries {
			stream := events.Stream{Source: s.Name, Delivery: delivery}
			out <- prometheus.MustNewConstMetric(f.queued, prometheus.GaugeValue, float64(waiting[stream]), s.Name, string(delivery))
			if delivery == events.Poll {
				out <- prometheus.MustNewConstMetric(f.polls, prometheus.GaugeValue, float64(f.d.tally.Polls(stream)), s.Name)
			}
			c := f.d.tally.Of(stream)
			for outcome, n := range map[string]int64{"delivered": c.Delivered, "refused": c.Refused, "dropped": c.Dropped, "failed": c.Failed} {
				out <- prometheus.MustNewConstMetric(f.events, prometheus.CounterValue, float64(n), s.Name, string(delivery), outcome)
			}
		}
	}
}
