// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/sync/errgroup"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/dial"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/source/httpin"
)

// List is a list of people that is had over HTTP.
type List struct {
	Source  string
	Reader  *httpin.List
	Every   time.Duration
	Webhook *config.Webhook // it calls us; nil: it does not
	call    httpin.HookConfig
}

const (
	listDialTimeout = 10 * time.Second
	listConnections = 4
	// listRest is the least time between two reads of everybody that were asked for by calls,
	// or for their sake: there may be any number of them, and such a read may be expensive.
	listRest = 30 * time.Second
)

// paths reads the paths of a configuration, and collects what is wrong with them.
type paths struct{ mistakes config.Errors }

func (p *paths) read(t config.Text, what string) httpin.Path {
	path, err := httpin.ParsePath(t.Value)
	if err != nil {
		p.mistakes = append(p.mistakes, &config.Error{Pos: t.Pos, Msg: what + " is no path: " + err.Error(), Hint: "such as name.first, jobs[0].title or /name/first"})
	}
	return path
}

// may is a path that need not be there.
func (p *paths) may(t config.Text, what string) *httpin.Path {
	if t.IsZero() {
		return nil
	}
	path := p.read(t, what)
	return &path
}

// listSource builds a source of type http.
func (b *Built) listSource(s config.Source) error {
	rows, err := b.rows(s, texts(s.Columns))
	if err != nil {
		return err
	}
	rules, err := b.authority(s, rows.mapping)
	if err != nil {
		return err
	}
	var p paths
	c := b.list(s, rows.read, &p)
	b.feed(s, &c, &p)
	made := List{Source: s.Name, Every: time.Duration(s.HTTP.Every), Webhook: s.Webhook}
	if s.Webhook != nil {
		made.call = callConfig(s.Webhook, &p)
		if err := made.call.Check(); err != nil {
			p.mistakes = append(p.mistakes, &config.Error{Pos: s.Webhook.Pos, Msg: "webhook of source " + s.Name + ": " + err.Error()})
		}
	}
	if len(p.mistakes) > 0 {
		return p.mistakes
	}
	if made.Reader, err = httpin.New(c); err != nil {
		return &config.Error{Pos: s.HTTP.URL.Pos, Msg: "source " + s.Name + ": " + err.Error()}
	}
	b.Lists = append(b.Lists, made)
	live := &source.Live{Reader: made.Reader}
	if s.HTTP.One != nil {
		live.Lag = time.Duration(s.HTTP.One.Lag)
	}
	b.Sources = append(b.Sources, source.Source{
		Name: s.Name, File: made.Reader.Where(), Mapping: rows.mapping, Digest: sourceDigest(s, rows), Live: live, Same: sameIn(s), MostJoined: b.Limits.Terminations.Of,
	})
	b.addRules(rows.mapping.Paths(), rules)
	return nil
}

// list is what a list is made of. Of its columns those count that an expression reads.
func (b *Built) list(s config.Source, read []string, p *paths) httpin.Config {
	l := s.HTTP
	c := httpin.Config{
		URL: l.URL.Value, Method: l.Method, Body: l.Body.Value, List: p.read(l.List, "list"), Total: p.may(l.Total, "total"),
		Timeout: time.Duration(l.Timeout), RequestsPerSecond: l.RequestsPerSecond, Auth: b.httpAuth(l.Auth, "source "+s.Name, p),
		HTTP: dial.NewTransport(dial.Allow{
			Loopback: l.Allows(config.AllowLoopback), Private: l.Allows(config.AllowPrivate), PlainHTTP: l.Allows(config.AllowPlainHTTP), Addresses: config.Addresses(l.Allow),
		}, listDialTimeout, listConnections, nil),
	}
	for _, h := range l.Headers {
		c.Headers = append(c.Headers, httpin.Header{Name: h.Name, Value: h.Value.Value})
	}
	for i, name := range s.Columns {
		path := p.read(l.Paths[i], "the path of column "+name.Value)
		if name.Value == s.Key.Value {
			c.Key = path
		}
		if slices.Contains(read, name.Value) {
			optional := slices.ContainsFunc(s.Optional, func(o config.Text) bool { return o.Value == name.Value })
			c.Columns = append(c.Columns, httpin.Column{Name: name.Value, Path: path, Take: httpin.Take(l.Takes[i]), Optional: optional})
		}
	}
	for _, w := range l.With {
		c.With = append(c.With, httpin.Detail{
			Name: w.Name.Value, URL: w.URL.Value, ID: p.read(w.ID, "id in with "+w.Name.Value), List: p.may(w.List, "list in with "+w.Name.Value),
			At: p.read(w.At, "at in with "+w.Name.Value), Paged: w.Paged,
		})
	}
	asked := fields(s, c)
	c.URL, c.Body = inURL(c.URL, asked), inBody(c.Body, asked)
	if g := l.Paging; g != nil {
		c.Paging = httpin.Paging{
			Kind: httpin.PagingKind(g.Kind), Param: g.Param.Value, SizeParam: g.SizeParam.Value, Size: g.Size, First: g.First,
			Next: p.read(g.Next, "next of paging"), More: p.may(g.More, "more of paging"),
		}
	}
	if l.One != nil {
		c.One = &httpin.One{URL: inURL(l.One.URL.Value, asked), Method: l.One.Method, Body: inBody(l.One.Body.Value, asked), At: p.read(l.One.At, "at of one"), List: p.may(l.One.List, "list of one")}
	}
	if q := l.Since; q != nil {
		c.Since = &httpin.Since{
			URL: q.URL.Value, List: p.read(q.List, "list of since"), Key: p.read(q.Key, "key of since"), Param: q.Param.Value, Value: q.Value.Value,
			Form: httpin.TimeForm(q.Form), Every: time.Duration(q.Every), Overlap: time.Duration(q.Overlap), Paged: q.Paged,
		}
	}
	return c
}

// fieldsIn stands for the fields that are read, where a system has to be asked for each:
// what no expression reads is not asked for.
const fieldsIn = "{fields}"

// fields are what a record is asked for, to hold its key and the columns that are read: the
// member that a column is in, unless the configuration says otherwise. What is told in
// requests of its own is not among them.
func fields(s config.Source, c httpin.Config) (all []string) {
	with := func(name string) bool {
		return slices.ContainsFunc(c.With, func(d httpin.Detail) bool { return d.Name == name })
	}
	add := func(column string, p httpin.Path) {
		name := p.First()
		for _, f := range s.HTTP.Fields {
			if f.Column.Value == column {
				name = f.Field.Value
			}
		}
		if name != "" && !slices.Contains(all, name) && !with(p.First()) {
			all = append(all, name)
		}
	}
	add(s.Key.Value, c.Key)
	for _, column := range c.Columns {
		add(column.Name, column.Path)
	}
	return all
}

// inURL lists the fields in an address, with commas.
func inURL(address string, fields []string) string {
	all := slices.Clone(fields)
	for i := range all {
		all[i] = url.QueryEscape(all[i])
	}
	return strings.ReplaceAll(address, fieldsIn, strings.Join(all, ","))
}

// inBody lists the fields in a body, which is JSON: in a list, as items.
func inBody(body string, fields []string) string {
	var all []string
	for _, name := range fields {
		text, err := json.Marshal(name)
		if err != nil { // it is UTF-8, as the configuration is
			return body
		}
		all = append(all, string(text))
	}
	return strings.ReplaceAll(body, `"`+fieldsIn+`"`, strings.Join(all, ", "))
}

func callConfig(w *config.Webhook, p *paths) httpin.HookConfig {
	c := httpin.HookConfig{
		Algorithm: httpin.Algorithm(w.Algorithm), Header: w.Header.Value, Prefix: w.Prefix.Value, Base64: w.Encoding == config.HookBase64,
		Signed: w.Signed.Value, Person: p.may(w.Person, "person of webhook"), Event: p.may(w.Event, "event of webhook"), Ping: w.Ping.Value,
	}
	if r := w.Revoke; r != nil && len(r.Values) > 0 {
		c.Revoke = &httpin.Revoke{At: p.read(r.Path, "path in revoke of webhook"), When: p.may(r.At, "at in revoke of webhook")}
		for _, v := range r.Values {
			c.Revoke.Values = append(c.Revoke.Values, v.Value)
		}
	}
	if t := w.Timestamp; t != nil {
		c.TimeHeader, c.TimeForm, c.Within = t.Header.Value, httpin.TimeForm(t.Form), time.Duration(t.Within)
	}
	return c
}

// rereads reports whether single records of a live source can be read, so that marks are
// looked at.
func (d *daemon) rereads(name string) bool {
	i := slices.IndexFunc(d.Lists, func(l List) bool { return l.Source == name })
	return i < 0 || d.Lists[i].Reader.One != nil
}

// followLists reads the lists now and then, and asks those who can tell who has changed.
func (d *daemon) followLists(ctx context.Context) error {
	var g errgroup.Group
	g.Go(func() error { <-ctx.Done(); return nil }) // a part ends with the daemon, whatever it has to do
	for _, l := range d.Lists {
		log := d.log.With("source", l.Source)
		l.Reader.Unsure = func(why string) {
			log.Info("everybody is read, as single people cannot be taken", "why", why)
			wake(d.told[l.Source])
		}
		g.Go(func() error { return d.readEvery(ctx, l) })
		g.Go(func() error { return d.readAsTold(ctx, l.Source) })
		if l.Reader.One != nil {
			g.Go(func() error { return d.reread(ctx, d.live(l.Source)) })
		}
		if l.Reader.Since != nil {
			g.Go(func() error { return d.watchList(ctx, l, d.hears(l, log)) })
		}
	}
	return g.Wait()
}

func (d *daemon) watchList(ctx context.Context, l List, to httpin.Listener) error {
	kept, err := source.Progress(ctx, d.db.Source(), l.Source)
	if err != nil {
		return err
	}
	l.Reader.Watch(ctx, kept, to)
	return nil
}

func (d *daemon) readEvery(ctx context.Context, l List) error {
	every := time.NewTicker(l.Every)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
			d.sourceChanged(l.Source)
		}
	}
}

// readAsTold has everybody read when something tells that this has to be done: the first
// time at once, and whatever is told in the rest after it has them read once more. What is
// told and not yet done when the daemon ends is done by its next start.
func (d *daemon) readAsTold(ctx context.Context, name string) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.told[name]:
			d.sourceChanged(name)
			pause(ctx, listRest)
		}
	}
}

// hears is who is told of a list's changes.
func (d *daemon) hears(l List, log *slog.Logger) httpin.Listener {
	s, trouble := d.live(l.Source), ""
	return httpin.Listener{
		Hear: func(ctx context.Context, w source.Word) error {
			var marked bool
			var err error
			if w.Revoked.IsZero() {
				marked, err = source.Hear(ctx, d.db.Source(), s, w)
			} else { // whatever the record says, and before it can be read
				var effect directory.Effect
				if effect, marked, err = source.Revoke(ctx, d.db.Source(), d.directory(d.o), s, w); err == nil {
					d.tellRevoked(log, w, effect)
				}
			}
			if marked {
				wake(d.marked[l.Source])
			}
			return err
		},
		Lost: func() { wake(d.told[l.Source]) },
		State: func(err error) { // by one goroutine
			switch now := message(err); {
			case now == trouble:
			case err != nil:
				log.Warn("it cannot be asked who has changed; everybody is read now and then", "err", err)
				trouble = now
			default:
				log.Info("it can be asked again who has changed")
				trouble = ""
			}
		},
	}
}

// tellRevoked tells what came of a call that ends somebody's access.
func (d *daemon) tellRevoked(log *slog.Logger, w source.Word, effect directory.Effect) {
	log = log.With("said_at", w.Revoked)
	if w.Undated != "" {
		log.Warn("a call that ends access does not say when that was, or a time that lies ahead: the first time that it came counts")
	}
	switch effect {
	case directory.EffectEnds:
		log.Info("the source ended somebody's access at once; the ledger says whose")
		wake(d.pushes)
	case directory.EffectWaits:
		log.Warn("the source ended the access of somebody whose record nobody knows: it ends nothing until that is stated, and status says of which one")
	case directory.EffectOutdone:
		log.Warn("the source ended somebody's access, and says that they were hired after that: it ends nothing")
	case directory.EffectNone:
		log.Info("the source ended somebody's access, which changes nothing: it was said before, or they are erased")
	}
}

// callsOf takes the calls of a list's webhook.
func (d *daemon) callsOf(l List) http.Handler {
	log := d.log.With("source", l.Source)
	if why := l.Webhook.Unrevoked; why != "" {
		log.Warn("calls that end access at once end none; whoever they speak of is read", "why", "revoke "+why)
	}
	h := httpin.Hook{HookConfig: l.call, Hear: d.hears(l, log), ByID: l.Reader.One != nil, Secrets: func() []string { return d.hookSecrets(l.Webhook) }}
	h.Hear.State = func(err error) { log.Error("a call could not be kept; it will be sent again", "err", err) }
	return h.Handler()
}

// hookSecrets are those that hold now: of a sealed one its last two versions.
func (d *daemon) hookSecrets(w *config.Webhook) (all []string) {
	for _, s := range w.Secrets {
		if s.Ref() == "" {
			all = append(all, s.Reveal())
			continue
		}
		all = append(all, d.vault.values(s.Name())...)
	}
	return all
}
