// SPDX-License-Identifier: Apache-2.0

package auth0app

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/config"
)

// pendingPassword is what a user waits for who has no password that anybody knows.
const pendingPassword = "password"

// ticketLife is how long an address is good at which a password may be chosen.
const ticketLife = 5 * 24 * time.Hour

// chooses says that somebody new is led to a password.
func (a *App) chooses() bool {
	return a.cfg.PasswordChange == config.PasswordEmail || a.cfg.PasswordChange == config.PasswordTickets
}

// enable lets a user in, with other changes: once there is a way to a password, if they
// have waited for one. A crash before the last request leads here again, and to
// a second mail at most.
func (a *App) enable(ctx context.Context, u *auth0.User, c auth0.UserChange) (auth0.User, error) {
	c.Blocked = new(false)
	if pendingOf(u) != "" {
		if err := a.lead(ctx, u); err != nil {
			e := *app.Classify(app.Wrap(app.FromRest(ctx, err), "the way to a password"))
			if e.Class == app.Unauthorized { // to do this one thing
				return auth0.User{}, app.Alone(e)
			}
			return auth0.User{}, &e
		}
		put(&c.AppMetadata, keyPending, null)
	}
	return a.client.UpdateUser(ctx, u.ID, c)
}

// lead sends somebody to the page where they choose a password, or puts its address
// where somebody will fetch it.
func (a *App) lead(ctx context.Context, u *auth0.User) error {
	switch a.cfg.PasswordChange {
	case config.PasswordEmail:
		return a.client.PasswordEmail(ctx, u.Email, a.cfg.Connection)
	case config.PasswordTickets:
		address, err := a.client.PasswordTicket(ctx, u.ID, "", ticketLife)
		if err != nil {
			return err
		}
		return a.keepTicket(textOf(u.AppMetadata[keyID]), address)
	}
	return nil
}

// keepTicket writes an address into a file that its owner alone may read. It is as
// secret as a password: it goes into no error, log or ledger.
func (a *App) keepTicket(id, address string) error {
	if err := checkID(id); err != nil {
		return err
	}
	failed := func(doing string, err error) error {
		return app.Refuse(app.Retry, "the folder of tickets: %s: %w", doing, err)
	}
	f, err := os.CreateTemp(a.cfg.Tickets, ".ticket-*") // mode 0600
	if err != nil {
		return failed("make a file", err)
	}
	_, err = f.WriteString(address + "\n")
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(a.cfg.Tickets, id+".url"))
	}
	if err != nil {
		_ = os.Remove(f.Name()) // half an address
		return failed("write it", err)
	}
	return nil
}

// dropTicket removes an address that nobody has fetched, from which somebody who has left
// could get back to a password.
func (a *App) dropTicket(id string) error {
	if a.cfg.PasswordChange != config.PasswordTickets || checkID(id) != nil {
		return nil
	}
	if err := os.Remove(filepath.Join(a.cfg.Tickets, id+".url")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return app.Refuse(app.Retry, "the folder of tickets: %w", err)
	}
	return nil
}

// hide keeps a password out of an error: a tenant that finds one too simple may quote it.
func hide(err error, password string) error {
	e := *app.Classify(err)
	e.Detail = strings.ReplaceAll(e.Detail, password, "[redacted]")
	return &e
}
