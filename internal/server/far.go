// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/dial"
	"github.com/usher-id/usher/internal/source/csv"
	"github.com/usher-id/usher/internal/source/sftp"
)

// Far is a source whose files lie on a server, which does not tell when they change.
type Far struct {
	Source string
	// Look looks at the files, and reads none; equal looks are of equal files.
	Look  func(context.Context) (string, error)
	Every time.Duration
}

// far has a source's files read from its server.
func (b *Built) far(s config.Source, c *csv.Config) error {
	user, address := s.SFTP.Server()
	var key []byte
	if s.SFTP.Key.Reveal() != "" {
		var err error
		if key, err = pemOf(s.SFTP.Key, "private_key of source "+s.Name); err != nil {
			return err
		}
		if s.SFTP.Passphrase.Ref() == "" { // else nobody can tell yet
			if _, err := sftp.ParseKey(key, s.SFTP.Passphrase.Reveal()); err != nil {
				return &config.Error{Pos: s.SFTP.Key.Pos(), Msg: "source " + s.Name + ": " + err.Error()}
			}
		}
	}
	server, err := sftp.New(sftp.Config{
		Address: address, User: user, HostKeys: texts(s.SFTP.HostKeys), Timeout: time.Duration(s.SFTP.Timeout),
		Allow:      dial.Allow{Loopback: s.SFTP.Allows(config.AllowLoopback), Private: s.SFTP.Allows(config.AllowPrivate), Addresses: config.Addresses(s.SFTP.Allow)},
		Credential: func() (sftp.Credential, error) { return b.sftpCredential(s.SFTP, key) },
	})
	if err != nil {
		pos := s.SFTP.Pos
		if len(s.SFTP.HostKeys) > 0 {
			pos = s.SFTP.HostKeys[0].Pos
		}
		return &config.Error{Pos: pos, Msg: "source " + s.Name + ": " + err.Error()}
	}
	c.Place = func(ctx context.Context) (csv.Place, error) {
		conn, err := server.Connect(ctx)
		if err != nil { // and no connection, which would be one that is nil
			return nil, err
		}
		return conn, nil
	}
	look := *c
	b.Far = append(b.Far, Far{Source: s.Name, Every: time.Duration(s.SFTP.Every), Look: func(ctx context.Context) (string, error) { return csv.Look(ctx, look) }})
	return nil
}

// sftpCredential is how we prove who we are, as it is now. key is what was read already.
func (b *Built) sftpCredential(s *config.SFTP, key []byte) (sftp.Credential, error) {
	password, err := b.vault.reveal(s.Password)
	passphrase, passErr := b.vault.reveal(s.Passphrase)
	var keyErr error
	if s.Key.Ref() != "" {
		var text string
		text, keyErr = b.vault.reveal(s.Key)
		key = []byte(text)
	}
	return sftp.Credential{Password: password, Key: key, Passphrase: passphrase}, errors.Join(err, passErr, keyErr)
}

// mostApart is how far apart looks at a server get that cannot be looked at.
const mostApart = 15 * time.Minute

// followFar looks at what lies on servers. The first look of each comes before its first
// read, so that nothing changes between the two unseen.
func (d *daemon) followFar(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, f := range d.Far {
		g.Go(func() error {
			d.lookEvery(ctx, f)
			return nil
		})
	}
	<-ctx.Done() // also where there is none: a part that ends by itself has failed
	return g.Wait()
}

// lookEvery looks at one source. One that cannot be looked at has changed, too: the read
// says what is wrong.
func (d *daemon) lookEvery(ctx context.Context, f Far) {
	last, first, apart := "", true, f.Every
	for {
		now, err := f.Look(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			apart = f.Every
		case !first && last == "":
			apart = min(2*apart, max(mostApart, f.Every))
		}
		if err != nil {
			now = "" // which no look is
		}
		if first || now != last {
			d.sourceChanged(f.Source)
		}
		last, first = now, false
		timer := time.NewTimer(apart)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}
