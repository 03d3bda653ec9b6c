// SPDX-License-Identifier: Apache-2.0

package app

import "context"

// Examiner is an App by an API of a maker's own that can be asked what is so of the
// account: such an API has no discovery. It only reads.
type Examiner interface {
	// Examine asks for one user, for one group if groups are sent, and for what the API
	// says of the fields of users, if it says anything. The error is an *[Error]: the
	// address or the credential is wrong, or nobody answers.
	Examine(ctx context.Context, groups bool) (Examination, error)
}

// Examination is what an API of a maker's own shows of an account, and what it does not.
type Examination struct {
	Maker string // for people: "Okta"
	// Taken says what was read, so that address and credential are good: "it answers, and …".
	Taken string
	// Said is what Fields are from: "the org's schema of users"; "" if there are none.
	Said   string
	Fields []Field
	Lacks  []Remark // what the credential may not do, and has to
	Unsaid []Remark // what is not compared, and why
}

// Remark is a sentence, and what to do; the latter may be empty.
type Remark struct{ Text, Fix string }

// Field is a field of a user, as an API of a maker's own names and tells it. What is sent
// to it is text, always.
type Field struct {
	Name  string // the API's: "login"
	Paths Paths  // what of a person goes there; none: nothing can
	// Absent is a field to which Usher would write, and which the account does not have.
	Absent             bool
	Required, ReadOnly bool
	Type               string   // as JSON Schema has it; "" or "string" is text
	Least, Most        int      // characters of a text; 0: not told
	Values             []string // the only ones that are taken; none: any
}

// ExaminerOf is the app's Examiner, if it has one.
func ExaminerOf(a App) (Examiner, bool) {
	if l, ok := a.(*limited); ok {
		e, ok := l.App.(Examiner)
		return examineLimited{l, e}, ok
	}
	e, ok := a.(Examiner)
	return e, ok
}

// examineLimited keeps it within the app's rate, too.
type examineLimited struct {
	limited  *limited
	examiner Examiner
}

func (l examineLimited) Examine(ctx context.Context, groups bool) (Examination, error) {
	for range 3 { // its requests
		if err := l.limited.wait(ctx); err != nil {
			return Examination{}, err
		}
	}
	return l.examiner.Examine(ctx, groups)
}

// Ask begins an Examination: users, and groups if it is not nil, send one read each. That
// groups may not be read is a lack, with what to do about it, and no error.
func (o *Own) Ask(ctx context.Context, users, groups func(context.Context) error, fix string) (Examination, error) {
	x := Examination{Maker: o.Maker, Taken: o.Maker + " takes the credential, and shows users"}
	read := func(one func(context.Context) error) *Error {
		ctx, end := o.begin(ctx)
		_, err := end(0, nil, one(ctx))
		return Classify(err)
	}
	if e := read(users); e != nil {
		return x, e
	}
	if groups == nil {
		return x, nil
	}
	switch e := read(groups); {
	case e == nil:
		x.Taken += " and groups"
	case e.Class == Unauthorized:
		x.Lacks = append(x.Lacks, Remark{"the credential is taken, and groups may not be read with it: " + e.Detail, fix})
	default:
		return x, e
	}
	return x, nil
}
