// SPDX-License-Identifier: Apache-2.0

package server

import (
	"fmt"
	"time"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/rest/httpauth"
	"github.com/usher-id/usher/internal/source/httpin"
	"github.com/usher-id/usher/internal/source/workday"
)

// feed has the records of a list had by what knows the maker's messages, where it gives no
// JSON. The credential goes into the messages then, and into no header.
func (b *Built) feed(s config.Source, c *httpin.Config, p *paths) {
	w := s.HTTP.Workday
	if w == nil {
		return
	}
	const day = 24 * time.Hour
	if hire := time.Duration(b.Config.Calendar.PrehireDays) * day; time.Duration(w.Ahead) < hire {
		p.mistakes = append(p.mistakes, &config.Error{
			Pos: w.Pos, Msg: fmt.Sprintf("ahead in workday of source %s is less than prehire_days", s.Name), Hint: "who starts is not known in time; make it longer",
		})
	}
	var read []string
	for _, column := range c.Columns {
		read = append(read, column.Path.String())
	}
	feed, err := workday.New(workday.Config{
		URL: c.URL, User: c.Auth.User, Password: c.Auth.Secret, Ahead: time.Duration(w.Ahead), PageSize: w.PageSize,
		Paths: append(read, c.Key.String()), Now: b.now,
	})
	if err != nil {
		p.mistakes = append(p.mistakes, &config.Error{Pos: s.HTTP.URL.Pos, Msg: "source " + s.Name + ": " + err.Error()})
		return
	}
	c.Feed, c.Auth = feed, httpauth.Auth{}
}
