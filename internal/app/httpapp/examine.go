// SPDX-License-Identifier: Apache-2.0

package httpapp

import (
	"context"
	"net/http"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/rest/httpauth"
)

var _ app.Examiner = (*App)(nil)

// nobodys is a key that no record has.
const nobodys = "usher-check-nobody"

// Examine reads the record of a key that nobody has. Whether somebody else's would be found
// is not known, as nothing is known of such a system but what the configuration says.
func (a *App) Examine(ctx context.Context, _ bool) (app.Examination, error) {
	x := app.Examination{Maker: "source " + a.config.Source, Taken: "the address answers, and takes the credential"}
	if a.config.Auth.Kind == httpauth.None {
		x.Taken = "the address answers"
	}
	x.Unsaid = append(x.Unsaid, app.Remark{Text: "types, lengths and what is required: the system tells no schema"})
	_, err := a.Get(ctx, app.KindUser, nobodys)
	switch e := app.Classify(err); {
	case e == nil, e.Class == app.Terminal: // it has answered, be it with nothing that can be used for nobody
		return x, nil
	case e.Class == app.NotFound:
		x.Unsaid = append(x.Unsaid, app.Remark{
			Text: "whether url of read leads to records: there is none with the key " + nobodys + ", as is to be expected, and a wrong path says the same",
			Fix:  "usher plan reads those that are there",
		})
		return x, nil
	case e.Status == http.StatusBadRequest, e.Status == http.StatusUnprocessableEntity: // such a key it does not like
		return x, nil
	default:
		return x, e
	}
}
