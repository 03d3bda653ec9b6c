// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

//go:embed profiles/*.json
var profileFiles embed.FS

// ErrNoProfile is returned by ProfileByID for an id that no profile has.
var ErrNoProfile = errors.New("app: no such profile")

// Profiles are the built-in profiles, in the order of their ids.
func Profiles() ([]Profile, error) {
	names, err := fs.Glob(profileFiles, "profiles/*.json")
	if err != nil {
		return nil, fmt.Errorf("app: profiles: %w", err)
	}
	profiles := make([]Profile, 0, len(names))
	for _, name := range names {
		p, err := readProfile(name)
		if err != nil {
			return nil, err
		}
		profiles = append(profiles, p)
	}
	slices.SortFunc(profiles, func(a, b Profile) int { return cmp.Compare(a.ID, b.ID) })
	return profiles, nil
}

// ProfileByID is the built-in profile with this id.
func ProfileByID(id string) (Profile, error) {
	// The id may come from a configuration file: it must not become a path.
	if id == "" || strings.ContainsAny(id, `/\`) || !fs.ValidPath(id) {
		return Profile{}, fmt.Errorf("%w: %q", ErrNoProfile, id)
	}
	p, err := readProfile("profiles/" + id + ".json")
	if errors.Is(err, fs.ErrNotExist) {
		return Profile{}, fmt.Errorf("%w: %q", ErrNoProfile, id)
	}
	return p, err
}

func readProfile(name string) (Profile, error) {
	data, err := profileFiles.ReadFile(name)
	if err != nil {
		return Profile{}, fmt.Errorf("app: profile %s: %w", name, err)
	}
	p, err := ParseProfile(data)
	if err != nil {
		return Profile{}, fmt.Errorf("app: profile %s: %w", name, err)
	}
	if want := strings.TrimSuffix(path.Base(name), ".json"); p.ID != want {
		return Profile{}, fmt.Errorf("app: profile %s: its id is %q", name, p.ID)
	}
	return p, nil
}

// ParseProfile reads one profile file. Unknown and repeated names are errors: a
// misspelt limit must not silently become "no limit".
func ParseProfile(data []byte) (Profile, error) {
	var f profileFile
	err := json.UnmarshalRead(bytes.NewReader(data), &f, json.RejectUnknownMembers(true))
	if err != nil {
		return Profile{}, err
	}
	return f.profile()
}

// profileFile is the shape of a file. Null means not known; fields of union type,
// and those that only people read so far, stay raw.
type profileFile struct {
	ID               string   `json:"id"`
	Name             string   `json:"name"`
	Kind             string   `json:"kind"`
	AppType          string   `json:"app_type"`
	Source           string   `json:"source"`
	Date             string   `json:"date"`
	Docs             []string `json:"docs"`
	Verified         bool     `json:"verified"`
	UnverifiedFields []string `json:"unverified_fields"`
	Notes            []string `json:"notes"`

	BaseURLTemplate string   `json:"base_url_template"`
	BaseURLVariants []string `json:"base_url_variants"`
	Auth            fileAuth `json:"auth"`
	ContentType     string   `json:"content_type"`

	Users  fileOperations `json:"users"`
	Groups fileOperations `json:"groups"`

	Filters         []FilterSupport `json:"filters"`
	Pagination      *string         `json:"pagination"`
	MaxPage         *int            `json:"max_page"`
	DefaultPage     *int            `json:"default_page"`
	Sort            *bool           `json:"sort"`
	ListTrusted     bool            `json:"list_trusted"`
	ListLate        bool            `json:"list_late"`
	ReusesIDs       bool            `json:"reuses_ids"`
	ListPartial     bool            `json:"list_partial"`
	MembersReadable *bool           `json:"members_readable"`

	Patch      filePatch      `json:"patch"`
	Deactivate fileDeactivate `json:"deactivate"`
	RateLimit  fileRateLimit  `json:"rate_limit"`
	Limits     map[string]int `json:"limits"` // an attribute's length, or how many there may be of something
	// ForbiddenCharacters are those that an attribute must not hold.
	ForbiddenCharacters map[string]string `json:"forbidden_characters"`

	RequiredAttributes    []string `json:"required_attributes"`
	UnsupportedAttributes []string `json:"unsupported_attributes"`
	CreateOnlyAttributes  []string `json:"create_only_attributes"`
	ImmutableAttributes   []string `json:"immutable_attributes"`
	SingleValued          []string `json:"single_valued"`
	FlagPrimary           []string `json:"flag_primary"`
	LowerCase             []string `json:"lower_case"`
	RandomPassword        bool     `json:"random_password"`

	Extensions []jsontext.Value `json:"extensions"` // SCIM schemas (RFC 7643 §7)

	SettleSeconds float64 `json:"settle_seconds"`
	Concurrency   int     `json:"concurrency"`
}

type fileAuth struct {
	Type            string            `json:"type"`
	Token           string            `json:"token"`
	Scopes          []string          `json:"scopes"`
	LifetimeDays    int               `json:"lifetime_days"`
	MaxTokens       int               `json:"max_tokens"`
	Rotation        string            `json:"rotation"`
	ShownOnce       bool              `json:"shown_once"`
	RequiredHeaders map[string]string `json:"required_headers"`
}

type fileOperations struct {
	Path    string `json:"path"`
	Create  *bool  `json:"create"`
	Replace *bool  `json:"replace"`
	Patch   *bool  `json:"patch"`
	Delete  *bool  `json:"delete"`
	Get     *bool  `json:"get"`
	List    *bool  `json:"list"`

	PatchScope      string `json:"patch_scope"`
	PatchIs         string `json:"patch_is"`
	PutPartial      bool   `json:"put_partial"`
	Rename          *bool  `json:"rename"`
	Members         string `json:"members"`
	MembersReturned *bool  `json:"members_returned_on_get"`
	FeatureFlag     string `json:"feature_flag"`
}

type filePatch struct {
	Style            string         `json:"style"`
	Ops              []string       `json:"ops"`
	OpCase           string         `json:"op_case"`
	OpRequired       *bool          `json:"op_required"`
	MaxMembers       *int           `json:"max_members"`
	MaxRemoveMembers *int           `json:"max_remove_members"`
	MaxMembersPut    *int           `json:"max_members_put_post"`
	MaxOps           *int           `json:"max_ops_per_request"`
	MemberAdd        string         `json:"member_add"`
	MemberRemove     string         `json:"member_remove"`
	MembersSingleOp  *bool          `json:"members_single_op"`
	AllowedPaths     []string       `json:"allowed_paths"`
	UserPaths        []string       `json:"user_paths"`
	GroupPaths       []string       `json:"group_paths"`
	UserAllowed      []string       `json:"user_allowed"`
	Forbidden        []string       `json:"forbidden"`
	GroupRename      string         `json:"group_rename"`
	ActiveFalse      string         `json:"active_false_shape"`
	PathFilter       string         `json:"path_filter"`
	PathFilterOps    []string       `json:"path_filter_ops"`
	Pathless         jsontext.Value `json:"pathless"` // true, false, or words
	RemoveNeedsPath  *bool          `json:"remove_requires_path"`
	Returns          int            `json:"returns"`
	ValueRequiredFor []string       `json:"value_required_for"`
	Note             string         `json:"note"`

	// What says of the words above how they are obeyed. It is needed where the
	// words are none of those that are known, see the tables of words.go.
	PathFilters       string   `json:"path_filters"`        // any, type, none
	ActiveStyle       string   `json:"active_style"`        // paths, pathless
	GroupRenameStyle  string   `json:"group_rename_style"`  // plain, with_id
	MemberAddStyle    string   `json:"member_add_style"`    // path, pathless
	MemberRemoveStyle string   `json:"member_remove_style"` // filter, list
	ForbiddenPaths    []string `json:"forbidden_paths"`
	KeptPaths         []string `json:"kept_paths"`
}

type fileDeactivate struct {
	Preferred  string  `json:"preferred"`
	Delete     *string `json:"delete"`
	Effect     string  `json:"effect"`
	Leaver     string  `json:"leaver"` // what becomes of who leaves, for people
	Reversible *bool   `json:"reversible"`

	By           string `json:"by"`            // patch, delete; "": as preferred begins
	Leaves       string `json:"leaves"`        // disabled, nothing; "": as reversible says, and after a DELETE of which it says nothing: nothing
	DeleteLeaves string `json:"delete_leaves"` // disabled, nothing
}

type fileRateLimit struct {
	Status            jsontext.Value `json:"status"` // one status, or several
	Header            string         `json:"header"`
	Headers           []string       `json:"headers"`
	Codes             []string       `json:"codes"`
	Error             string         `json:"error"`
	Published         *string        `json:"published"`
	Strategy          string         `json:"strategy"`
	RequestsPerSecond float64        `json:"requests_per_second"`
}

// What a profile leaves open is taken as plain SCIM 2.0 has it, on the careful side.
const (
	defaultMaxMembers  = 100
	defaultPageSize    = 100
	defaultConcurrency = 16
)

func (f profileFile) profile() (Profile, error) {
	if err := f.validate(); err != nil {
		return Profile{}, err
	}
	maxPage := orZero(f.MaxPage)
	pageSize := cmp.Or(orZero(f.DefaultPage), defaultPageSize)
	if maxPage > 0 {
		pageSize = min(pageSize, maxPage)
	}
	p := Profile{
		ID: f.ID, Name: f.Name, Kind: f.Kind, AppType: f.AppType, Source: f.Source, Date: f.Date, Verified: f.Verified,
		Docs: f.Docs, Notes: f.Notes, UnverifiedFields: f.UnverifiedFields,
		BaseURLTemplate: f.BaseURLTemplate, AuthType: f.Auth.Type, TokenDays: f.Auth.LifetimeDays, RequiredHeaders: f.Auth.RequiredHeaders,
		ContentType: cmp.Or(f.ContentType, "application/scim+json"),
		Users:       f.Users.operations(), Groups: f.Groups.operations(),
		Filters: f.Filters, Pagination: plain(orZero(f.Pagination)), PageSize: pageSize, MaxPage: maxPage,
		ListTrusted: f.ListTrusted, ListLate: f.ListLate, ReusesIDs: f.ReusesIDs, ListPartial: f.ListPartial, MembersReadable: f.membersReadable(),
		MaxMembersPerRequest: cmp.Or(orZero(f.Patch.MaxMembers), defaultMaxMembers),
		MaxMembersWhole:      orZero(f.Patch.MaxMembersPut),
		Deactivate:           f.Deactivate.Preferred, DeleteMeaning: orZero(f.Deactivate.Delete), Leaver: f.Deactivate.Leaver,
		Reversible:         orZero(f.Deactivate.Reversible),
		RequiredAttributes: f.RequiredAttributes, UnsupportedAttributes: f.UnsupportedAttributes,
		RandomPassword:    f.RandomPassword,
		Settle:            time.Duration(f.SettleSeconds * float64(time.Second)),
		Concurrency:       cmp.Or(f.Concurrency, defaultConcurrency),
		RequestsPerSecond: f.RateLimit.RequestsPerSecond,
	}
	if f.Kind != "scim2" {
		return p, f.extensions(&p) // another interface has words of its own
	}
	return p, f.scim(&p)
}

func (f profileFile) validate() error {
	switch {
	case f.ID == "" || f.Name == "":
		return errors.New("id and name are required")
	case f.Kind != "scim2" && f.Kind != "rest":
		return fmt.Errorf("kind %q is neither scim2 nor rest", f.Kind)
	case orZero(f.MaxPage) < 0 || orZero(f.DefaultPage) < 0 || orZero(f.Patch.MaxMembers) < 0 ||
		orZero(f.Patch.MaxOps) < 0 || orZero(f.Patch.MaxRemoveMembers) < 0 || orZero(f.Patch.MaxMembersPut) < 0 || f.Concurrency < 0:
		return errors.New("a limit is negative")
	case f.SettleSeconds < 0 || f.SettleSeconds > 86400:
		return fmt.Errorf("settle_seconds %v is not within a day", f.SettleSeconds)
	case f.RateLimit.RequestsPerSecond < 0:
		return errors.New("requests_per_second is negative")
	}
	if f.Date != "" {
		if _, err := time.Parse(time.DateOnly, f.Date); err != nil {
			return fmt.Errorf("date %q is not like 2006-01-02", f.Date)
		}
	}
	return nil
}

// membersReadable is true unless the profile says otherwise: plain SCIM returns members.
func (f profileFile) membersReadable() bool {
	for _, b := range []*bool{f.MembersReadable, f.Groups.MembersReturned} {
		if b != nil {
			return *b
		}
	}
	return true
}

func (o fileOperations) operations() Operations {
	return Operations{
		Path: o.Path, Create: orTrue(o.Create), Replace: orZero(o.Replace), Patch: orTrue(o.Patch),
		Delete: orZero(o.Delete), Get: orTrue(o.Get), List: orTrue(o.List), NoRename: !orTrue(o.Rename),
		PutPartial: o.PutPartial,
	}
}

func orTrue(p *bool) bool { return p == nil || *p }

func orZero[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
