// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/usher-id/usher/internal/provision"
)

// metricsHandler answers with what the daemon knows of itself.
func (d *daemon) metricsHandler() http.Handler {
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), newFigures(d))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{MaxRequestsInFlight: 2, Timeout: 10 * time.Second})
}

// figures are the metrics of the store. They are asked for at most every ten
// seconds, however often somebody looks.
type figures struct {
	d *daemon

	mu   sync.Mutex
	last *Status
	at   time.Time

	people, accounts, due, waiting, parked, held, paused, requests, age, trouble, asked, events, queued, polls *prometheus.Desc
	breaker, changed, misfits, secretAge, secretOld, expires                                                   *prometheus.Desc
}

func newFigures(d *daemon) *figures {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("usher_"+name, help, labels, nil)
	}
	return &figures{
		d:        d,
		people:   desc("people", "People by state.", "state"),
		accounts: desc("accounts", "Accounts by state, as last confirmed by the app.", "app", "state"),
		due:      desc("due", "Accounts that are to be looked at.", "app"),
		waiting:  desc("waiting", "Accounts that wait for a retry.", "app"),
		parked:   desc("parked", "Accounts and groups that are set aside until something changes.", "app"),
		held:     desc("held", "Removals that wait for somebody's consent.", "app"),
		paused:   desc("paused", "1 while nothing is sent to the app.", "app"),
		breaker:  desc("breaker", "1 for the state that the app's breaker is in: closed, half-open or open.", "app", "state"),
		requests: desc("requests_total", "Requests sent to the app.", "app"),
		age:      desc("source_age_seconds", "Time since the source was last read.", "source"),
		trouble:  desc("source_trouble", "1 while the source cannot be read.", "source"),
		changed:  desc("app_changed_timestamp_seconds", "When the app was last found to say something else of itself.", "app"),
		misfits:  desc("app_misfits", "What of the mapping does not fit what the app says that it takes.", "app"),
		asked:    desc("asked", "Requests of other processes without an outcome."),
		events:   desc("events_total", "Security events by what has become of them since the start; failed counts tries.", "source", "delivery", "outcome"),
		queued:   desc("events_waiting", "Security events that their recipient does not have yet.", "source", "delivery"),
		polls:    desc("events_polls", "Polls for security events that wait now.", "source"),

		secretAge: desc("secret_age_seconds", "Time since the newest version of the sealed secret was made.", "secret"),
		expires:   desc("credential_expires_timestamp_seconds", "When the credential runs out, where that is known.", "where", "what"),
		secretOld: desc("secret_old", "1 while the sealed secret is older than secrets.old_after.", "secret"),
	}
}

// Describe implements prometheus.Collector.
func (f *figures) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		f.people, f.accounts, f.due, f.waiting, f.parked, f.held, f.paused, f.requests, f.age, f.trouble, f.asked, f.events, f.queued, f.polls,
		f.breaker, f.changed, f.misfits, f.secretAge, f.secretOld, f.expires,
	} {
		out <- d
	}
}

func (f *figures) status() *Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last == nil || time.Since(f.at) >= 10*time.Second {
		within, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		s, err := f.d.Status(within)
		if err != nil {
			f.d.log.Error("metrics could not be asked for", "err", err)
			return f.last
		}
		f.last, f.at = s, time.Now()
	}
	return f.last
}

// Collect implements prometheus.Collector.
func (f *figures) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, t := range f.d.Targets {
		out <- prometheus.MustNewConstMetric(f.requests, prometheus.CounterValue, float64(t.App.Requests()), t.Name)
	}
	names, ages, troubled := f.d.health.ages(time.Now())
	for _, name := range names {
		gauge(f.trouble, truth(troubled[name]), name)
		if age, ok := ages[name]; ok {
			gauge(f.age, age.Seconds(), name)
		}
	}
	f.collectEvents(out)
	s := f.status()
	if s == nil {
		return
	}
	for state, n := range map[string]int{
		"active": s.People.Active, "staged": s.People.Staged, "on_leave": s.People.OnLeave, "missing": s.People.Missing, "leaver": s.People.Leaver,
	} {
		gauge(f.people, float64(n), state)
	}
	for _, a := range s.Apps {
		gauge(f.accounts, float64(a.Live), a.App, "live")
		gauge(f.accounts, float64(a.Disabled), a.App, "disabled")
		gauge(f.due, float64(a.Due), a.App)
		gauge(f.waiting, float64(a.Waiting), a.App)
		gauge(f.parked, float64(a.Parked), a.App)
		gauge(f.held, float64(a.Held), a.App)
		gauge(f.paused, truth(a.Paused != ""), a.App)
		for _, state := range []provision.Breaker{provision.Closed, provision.HalfOpen, provision.Open} {
			gauge(f.breaker, truth(a.Breaker == state), a.App, string(state))
		}
		misfits := 0
		if c := a.Changed; c != nil {
			misfits = len(c.Breaks)
		}
		if a.changedAt != nil {
			gauge(f.changed, float64(a.changedAt.Unix()), a.App)
		}
		gauge(f.misfits, float64(misfits), a.App)
	}
	for _, one := range s.Secrets {
		gauge(f.secretAge, time.Since(one.Created).Seconds(), one.Secret)
		gauge(f.secretOld, truth(one.Old), one.Secret)
	}
	for _, e := range s.Credentials {
		gauge(f.expires, float64(e.At.Unix()), e.Where, e.What)
	}
	gauge(f.asked, float64(s.Asked))
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
