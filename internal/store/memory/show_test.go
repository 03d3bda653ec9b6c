// SPDX-License-Identifier: Apache-2.0

package memory_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/scim"
)

var (
	timeType     = reflect.TypeFor[time.Time]()
	valueType    = reflect.TypeFor[scim.Value]()
	resourceType = reflect.TypeFor[*scim.Resource]()
)

// show writes everything that a value holds: times with their zone, resources as JSON,
// maps in order. A list of none is as good as none, but for bytes, where it tells
// whether something was erased.
func show(v any) string {
	var b strings.Builder
	render(&b, reflect.ValueOf(v))
	return b.String()
}

func render(b *strings.Builder, v reflect.Value) {
	if v.IsValid() && v.CanInterface() {
		switch x := v.Interface().(type) {
		case time.Time:
			fmt.Fprint(b, x.Format(time.RFC3339Nano), " ", x.Location())
			return
		case scim.Value:
			b.WriteString(x.String())
			return
		case *scim.Resource:
			b.WriteString(x.String())
			return
		case []byte:
			fmt.Fprintf(b, "%t%q", x == nil, x)
			return
		}
	}
	switch v.Kind() {
	case reflect.Invalid:
		b.WriteString("none")
	case reflect.Pointer, reflect.Interface:
		render(b, v.Elem())
	case reflect.Struct:
		b.WriteByte('{')
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() || f.Type.Kind() != reflect.Struct && f.Type.Kind() != reflect.Slice {
				b.WriteString(f.Name + ":")
				render(b, v.Field(i))
				b.WriteByte(' ')
			}
		}
		b.WriteByte('}')
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Array && v.Type().Elem().Kind() == reflect.Uint8 {
			fmt.Fprintf(b, "%x", v)
			return
		}
		b.WriteByte('[')
		for i := range v.Len() {
			render(b, v.Index(i))
			b.WriteByte(' ')
		}
		b.WriteByte(']')
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(x, y reflect.Value) int { return strings.Compare(x.String(), y.String()) })
		b.WriteByte('{')
		for _, k := range keys {
			fmt.Fprintf(b, "%q:", k.String())
			render(b, v.MapIndex(k))
			b.WriteByte(' ')
		}
		b.WriteByte('}')
	default:
		fmt.Fprintf(b, "%#v", v)
	}
}

// spoil writes to whatever can be reached from a value, as a caller may whose it is.
func spoil(v reflect.Value) {
	switch {
	case !v.IsValid() || v.Type() == valueType || v.Type() == timeType: // immutable
		return
	case v.Type() == resourceType:
		if v.CanInterface() && !v.IsNil() {
			r, _ := v.Interface().(*scim.Resource)
			for name := range r.Clone().All() {
				r.Set(name, scim.String("spoiled"))
			}
			r.Set("spoiled", scim.Bool(true))
			r.Delete("userName")
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		spoil(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				spoil(v.Field(i))
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			spoil(v.Index(i))
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			spoil(v.MapIndex(k))
			v.SetMapIndex(k, reflect.Value{})
		}
	case reflect.String:
		if v.CanSet() {
			v.SetString("spoiled")
		}
	case reflect.Uint8:
		if v.CanSet() {
			v.SetUint(^v.Uint() & 0xff)
		}
	case reflect.Int, reflect.Int64:
		if v.CanSet() {
			v.SetInt(v.Int() + 77)
		}
	case reflect.Bool:
		if v.CanSet() {
			v.SetBool(!v.Bool())
		}
	}
}
