// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// functionsVersion is part of a mapping's digest: raise it when a function here
// yields something else than before, so that all accounts are looked at again.
const functionsVersion = 1

// functions declares what HR data needs beyond CEL and its strings extension.
func functions(z *zones) []cel.EnvOption {
	s, l, i := cel.StringType, cel.ListType(cel.StringType), cel.IntType
	opts := []cel.EnvOption{
		textFunction("ascii", ASCII),
		textFunction("slug", slug),
		textFunction("lower", strings.ToLower),
		textFunction("upper", strings.ToUpper),
		textFunction("title", title),
		textFunction("trim", strings.TrimSpace),
		cel.Function("cut", cel.Overload("cut_string_int", []*cel.Type{s, i}, s, cel.BinaryBinding(celCut))),
		cel.Function("splitName", cel.Overload("splitName_string", []*cel.Type{s}, l, cel.UnaryBinding(celSplitName))),
		cel.Function("first", cel.Overload("first_list", []*cel.Type{l}, s, cel.UnaryBinding(celFirst))),
		cel.Function("or",
			cel.Overload("or_2", []*cel.Type{s, s}, s, cel.BinaryBinding(celEither)),
			cel.Overload("or_3", []*cel.Type{s, s, s}, s, cel.FunctionBinding(celOr)),
			cel.Overload("or_4", []*cel.Type{s, s, s, s}, s, cel.FunctionBinding(celOr))),
		cel.Function("join",
			cel.Overload("join_list_string", []*cel.Type{l, s}, s, cel.BinaryBinding(celJoin)),
			cel.MemberOverload("list_join", []*cel.Type{l}, s,
				cel.UnaryBinding(func(list ref.Val) ref.Val { return celJoin(list, types.String("")) })),
			cel.MemberOverload("list_join_string", []*cel.Type{l, s}, s, cel.BinaryBinding(celJoin))),
		cel.Function("replace",
			cel.MemberOverload("string_replace_string_string", []*cel.Type{s, s, s}, s, cel.FunctionBinding(celReplace)),
			cel.MemberOverload("string_replace_string_string_int", []*cel.Type{s, s, s, i}, s, cel.FunctionBinding(celReplace))),
		// A precision asks for as many digits as it likes; join and + do its work.
		cel.Function("format", cel.DisableDeclaration(true),
			cel.MemberOverload("string_format", []*cel.Type{s, cel.ListType(cel.DynType)}, s)),
		cel.Function("strings.quote", cel.DisableDeclaration(true),
			cel.Overload("strings_quote", []*cel.Type{s}, s)),
	}
	return append(opts, dateFunctions(z)...)
}

// layoutsType is what the list of layouts in date() becomes once it is checked.
func layoutsType() *cel.Type { return cel.OpaqueType("(date layouts)") }

// dateCall is date() after its layouts have been read; no expression can spell it.
const (
	dateCall     = "@date"
	dateCallZone = "date_layouts_string"
)

func dateFunctions(z *zones) []cel.EnvOption {
	s, l, i := cel.StringType, cel.ListType(cel.StringType), cel.IntType
	unread := cel.FunctionBinding(func(...ref.Val) ref.Val { return types.WrapErr(&valueError{"date: its layouts were not read"}) })
	return []cel.EnvOption{
		cel.Function("date",
			cel.Overload("date_string_list", []*cel.Type{s, l}, s, unread),
			cel.Overload("date_string_list_string", []*cel.Type{s, l, s}, s, unread)),
		cel.Function(dateCall,
			cel.Overload(dateCallZone, []*cel.Type{s, layoutsType(), s}, s, cel.FunctionBinding(z.celDate))),
		cel.Function("endOfDay",
			cel.Overload("endOfDay_string", []*cel.Type{s}, s, cel.FunctionBinding(z.celEndOfDay)),
			cel.Overload("endOfDay_string_string", []*cel.Type{s, s}, s, cel.FunctionBinding(z.celEndOfDay))),
		cel.Function("addDays",
			cel.Overload("addDays_string_int", []*cel.Type{s, i}, s, cel.FunctionBinding(z.celAddDays)),
			cel.Overload("addDays_string_int_string", []*cel.Type{s, i, s}, s, cel.FunctionBinding(z.celAddDays))),
	}
}

func textFunction(name string, fn func(string) string) cel.EnvOption {
	return cel.Function(name, cel.Overload(name+"_string", []*cel.Type{cel.StringType}, cel.StringType,
		cel.UnaryBinding(func(v ref.Val) ref.Val {
			s, ok := v.(types.String)
			if !ok {
				return types.MaybeNoSuchOverloadErr(v)
			}
			return text(fn(string(s)), nil)
		})))
}

// text is a function's result; ascii can make a text longer (щ → shch).
func text(s string, err error) ref.Val {
	if err == nil && len(s) > MaxText {
		err = errTooLong
	}
	if err != nil {
		return types.WrapErr(err)
	}
	return types.String(s)
}

func celCut(v, n ref.Val) ref.Val {
	s, ok1 := v.(types.String)
	i, ok2 := n.(types.Int)
	if !ok1 || !ok2 {
		return types.MaybeNoSuchOverloadErr(v)
	}
	if i < 0 {
		return types.WrapErr(&valueError{"cut: the number of characters is negative"})
	}
	if int64(i) >= int64(len(s)) {
		return s
	}
	return types.String(cut(string(s), int(i)))
}

func celSplitName(v ref.Val) ref.Val {
	s, ok := v.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(v)
	}
	given, family := splitName(string(s))
	return types.NewRefValList(types.DefaultTypeAdapter, []ref.Val{types.String(given), types.String(family)})
}

func celFirst(v ref.Val) ref.Val {
	l, ok := v.(traits.Lister)
	if !ok {
		return types.MaybeNoSuchOverloadErr(v)
	}
	if l.Size() == types.IntZero {
		return types.String("")
	}
	return l.Get(types.IntZero)
}

func celEither(a, b ref.Val) ref.Val {
	if a == types.String("") {
		return b
	}
	return a
}

func celOr(args ...ref.Val) ref.Val {
	for _, a := range args {
		if s, ok := a.(types.String); ok && s != "" {
			return s
		}
	}
	return types.String("")
}

func celJoin(list, sep ref.Val) ref.Val {
	l, ok1 := list.(traits.Lister)
	by, ok2 := sep.(types.String)
	if !ok1 || !ok2 {
		return types.MaybeNoSuchOverloadErr(list)
	}
	size, ok := l.Size().(types.Int)
	if !ok {
		return types.MaybeNoSuchOverloadErr(list)
	}
	var b strings.Builder
	for i := range size {
		s, ok := l.Get(i).(types.String)
		if !ok {
			return types.MaybeNoSuchOverloadErr(list)
		}
		if i > 0 {
			b.WriteString(string(by))
		}
		b.WriteString(string(s))
		if b.Len() > MaxText {
			return types.WrapErr(errTooLong)
		}
	}
	return types.String(b.String())
}

func celReplace(args ...ref.Val) ref.Val {
	s, ok1 := args[0].(types.String)
	from, ok2 := args[1].(types.String)
	to, ok3 := args[2].(types.String)
	if !ok1 || !ok2 || !ok3 {
		return types.MaybeNoSuchOverloadErr(args[0])
	}
	n := -1
	if len(args) == 4 {
		i, ok := args[3].(types.Int)
		if !ok {
			return types.MaybeNoSuchOverloadErr(args[3])
		}
		n = int(max(min(int64(i), MaxText+1), -1))
	}
	return text(replaceText(string(s), string(from), string(to), n))
}

// zoneArg is the time zone at args[i], UTC if there is none.
func (z *zones) zoneArg(args []ref.Val, i int) (*time.Location, error) {
	if i >= len(args) {
		return time.UTC, nil
	}
	name, ok := args[i].(types.String)
	if !ok {
		return nil, errZone
	}
	return z.load(string(name))
}

func (z *zones) celDate(args ...ref.Val) ref.Val {
	s, ok1 := args[0].(types.String)
	spec, ok2 := args[1].(*layouts)
	if !ok1 || !ok2 {
		return types.MaybeNoSuchOverloadErr(args[0])
	}
	loc, err := z.zoneArg(args, 2)
	if err != nil {
		return types.WrapErr(err)
	}
	return text(spec.dates.parse(string(s), loc))
}

func (z *zones) celEndOfDay(args ...ref.Val) ref.Val {
	s, ok := args[0].(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(args[0])
	}
	loc, err := z.zoneArg(args, 1)
	if err != nil {
		return types.WrapErr(err)
	}
	return text(endOfDay(string(s), loc))
}

func (z *zones) celAddDays(args ...ref.Val) ref.Val {
	s, ok1 := args[0].(types.String)
	n, ok2 := args[1].(types.Int)
	if !ok1 || !ok2 {
		return types.MaybeNoSuchOverloadErr(args[0])
	}
	loc, err := z.zoneArg(args, 2)
	if err != nil {
		return types.WrapErr(err)
	}
	return text(addDays(string(s), int64(n), loc))
}

// layouts is a dateSpec as a constant of CEL.
type layouts struct {
	dates *dateSpec
	typ   *cel.Type
}

// ConvertToNative refuses: layouts are for date alone.
func (l *layouts) ConvertToNative(reflect.Type) (any, error) {
	return nil, &valueError{"date layouts cannot be converted"}
}

// ConvertToType refuses as well.
func (l *layouts) ConvertToType(ref.Type) ref.Val {
	return types.WrapErr(&valueError{"date layouts cannot be converted"})
}

// Equal is identity.
func (l *layouts) Equal(other ref.Val) ref.Val { return types.Bool(ref.Val(l) == other) }

// Type is opaque.
func (l *layouts) Type() ref.Type { return l.typ }

// Value is the layouts themselves.
func (l *layouts) Value() any { return l.dates }

// callCost charges our functions in comprehensions for the text they go through.
type callCost struct{}

// CallCost is a unit per call and one per ten bytes read or made, as CEL charges
// its own string functions.
func (callCost) CallCost(function, _ string, args []ref.Val, result ref.Val) *uint64 {
	switch function {
	case "ascii", "slug", "lower", "upper", "title", "trim", "cut", "splitName", "first", "or", "join", "replace",
		dateCall, "endOfDay", "addDays":
	default:
		return nil // CEL knows its own
	}
	n := uint64(1)
	for _, a := range args {
		n += textCost(a)
	}
	n += textCost(result)
	return &n
}

func textCost(v ref.Val) uint64 {
	switch v := v.(type) {
	case types.String:
		return uint64(len(v)) / 10
	case traits.Lister:
		if size, ok := v.Size().(types.Int); ok {
			return uint64(size)
		}
	}
	return 0
}

// validText reports what keeps a text from leaving: bytes that are no UTF-8,
// control characters, and marks that turn the direction of writing (they make one
// name look like another).
func validText(s string) error {
	if len(s) > MaxText {
		return errTooLong
	}
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return validRunes(s[i:])
		}
		if s[i] < ' ' || s[i] == 0x7f {
			return errControl
		}
	}
	return nil
}

func validRunes(s string) error {
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			return &valueError{"the text is no valid UTF-8"}
		case r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029:
			return errControl
		case r == 0x061c || r == 0x200e || r == 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
			return &valueError{"the text holds a character that turns the direction of writing"}
		}
	}
	return nil
}

var errControl = &valueError{"the text holds a control character"}
