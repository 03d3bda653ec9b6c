// SPDX-License-Identifier: Apache-2.0

package httpapp

import (
	"github.com/usher-id/usher/internal/rest/httpauth"
)

// credential makes what requests are sent with.
func (a *App) credential() (err error) {
	c := a.config
	a.auth, err = httpauth.New(c.Auth, httpauth.Config{API: api, HTTP: c.HTTP, Timeout: c.Timeout, UserAgent: userAgent})
	if err != nil {
		return &Error{PartAuth, err.Error()}
	}
	return nil
}
