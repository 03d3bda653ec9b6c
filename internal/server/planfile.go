// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/provision"
)

// PlanFile is a plan as an artifact: what `plan --out` writes and `apply PLAN`
// carries out.
type PlanFile struct {
	Format string           `json:"format"`
	Digest string           `json:"plan"`
	Made   time.Time        `json:"made"`
	App    string           `json:"app,omitempty"`    // the plan's --app
	Person string           `json:"person,omitempty"` // the plan's --person
	Ops    []*provision.Op  `json:"operations"`
	Held   []provision.Hold `json:"held"`
}

const (
	planFormat   = "usher-plan/2"
	maxPlanBytes = 1 << 30
)

// WritePlan writes a document's plan to a file, whole or not at all.
func WritePlan(path string, doc *Document, o Options, made time.Time) error {
	f := PlanFile{Format: planFormat, Digest: doc.Plan, Made: made.UTC(), App: o.App, Person: o.Person, Ops: []*provision.Op{}, Held: doc.Holds}
	f.Ops = append(f.Ops, provision.Operations(doc.Plans)...)
	body, err := json.Marshal(f, jsontext.WithIndent("  "))
	if err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".plan-*")
	if err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	_, err = tmp.Write(append(body, '\n'))
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("plan: %w", errors.Join(err, os.Remove(tmp.Name())))
	}
	return nil
}

// ReadPlan reads a plan and checks that its operations are those its digest
// stands for.
func ReadPlan(path string) (*PlanFile, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	defer func() { _ = file.Close() }() // read only
	var f PlanFile
	err = json.UnmarshalRead(io.LimitReader(file, maxPlanBytes), &f, json.RejectUnknownMembers(true))
	if err != nil {
		return nil, fmt.Errorf("plan %s: %w", path, err)
	}
	if f.Format != planFormat {
		return nil, fmt.Errorf("plan %s: format %q is not %q", path, f.Format, planFormat)
	}
	for _, op := range f.Ops {
		if !op.Sound() {
			return nil, fmt.Errorf("plan %s: operation %s has been altered: its id does not follow from its content", path, op.ID)
		}
	}
	if d := provision.Digest(f.Ops); d != f.Digest {
		return nil, fmt.Errorf("plan %s: it says that it is %s, but its operations are %s", path, f.Digest, d)
	}
	return &f, nil
}
