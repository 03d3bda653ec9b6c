// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	"modernc.org/sqlite"

	"github.com/usher-id/usher/scim"
)

// connector opens connections of a driver of the store's own, whose functions no
// other connection of the process has.
type connector struct {
	driver *sqlite.Driver
	dsn    string
}

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return c.driver.Open(c.dsn)
}

// Driver implements driver.Connector.
func (c connector) Driver() driver.Driver { return c.driver }

// newDriver returns a driver with the functions that compare as SCIM does. Filters
// are compiled to them where SQL's own operators would not say the same as
// scim.SchemaSet.Match:
//
//   - scim_fold(text) is scim.Fold
//   - scim_holds(json, op, operand, traits, sub) is scim.Comparison.Holds
//   - scim_assigned(json, sub) is scim.Assigned
//   - scim_instant(microseconds) is the dateTime as an answer shows it
func newDriver() (*sqlite.Driver, error) {
	d := new(sqlite.Driver)
	var errs []error
	for name, f := range map[string]struct {
		args int32
		fn   func([]driver.Value) (driver.Value, error)
	}{
		"scim_fold": {1, func(args []driver.Value) (driver.Value, error) {
			s, ok := args[0].(string)
			if !ok {
				return nil, nil //nolint:nilnil // SQL's NULL
			}
			return strings.Clone(scim.Fold(s)), nil
		}},
		"scim_holds":    {5, holds},
		"scim_assigned": {2, assigned},
		"scim_instant": {1, func(args []driver.Value) (driver.Value, error) {
			at, ok := args[0].(int64)
			if !ok {
				return nil, fmt.Errorf("scim_instant: %T", args[0])
			}
			s, _ := scim.DateTime(time.UnixMicro(at)).AsString()
			return s, nil
		}},
	} {
		errs = append(errs, d.RegisterFunction(name, &sqlite.FunctionImpl{
			NArgs: f.args, Deterministic: true, VolatileArgs: true, // none of them keeps an argument
			Scalar: func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) { return f.fn(args) },
		}))
	}
	return d, errors.Join(errs...)
}

// The traits of a comparison, as scim_holds takes them.
const (
	exactTrait   = 1 << iota // letter case counts
	instantTrait             // dateTimes
	boolTrait                // the operand stands for a boolean, which SQL has not
)

func holds(args []driver.Value) (driver.Value, error) {
	op, _ := args[1].(string)
	traits, _ := args[3].(int64)
	sub, _ := args[4].(string)
	c := scim.Comparison{Op: scim.Op(op), Sub: sub, Exact: traits&exactTrait != 0, Instant: traits&instantTrait != 0}
	switch operand := args[2].(type) {
	case nil:
	case string:
		c.Operand = scim.String(operand)
	case int64:
		if c.Operand = scim.Integer(operand); traits&boolTrait != 0 {
			c.Operand = scim.Bool(operand != 0)
		}
	case float64:
		c.Operand = scim.Decimal(operand)
	default:
		return nil, fmt.Errorf("scim_holds: an operand of type %T", operand)
	}
	return truth(c.Holds(valueOf(args[0]))), nil
}

func assigned(args []driver.Value) (driver.Value, error) {
	sub, _ := args[1].(string)
	return truth(scim.Assigned(valueOf(args[0]), sub)), nil
}

func truth(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// valueOf reads JSON, null for SQL's NULL. An element of a list that is not complex,
// as it should be, comes as what it is in SQL, which is what it says: whatever is
// stored, a filter finds it or not. The value lives no longer than the argument.
func valueOf(arg driver.Value) scim.Value {
	var text string
	switch v := arg.(type) {
	case string:
		text = v
	case int64:
		return scim.Integer(v)
	case float64:
		return scim.Decimal(v)
	default:
		return scim.Null()
	}
	if n := len(text); n >= 2 && text[0] == '"' && text[n-1] == '"' && strings.IndexByte(text, '\\') < 0 {
		return scim.String(text[1 : n-1])
	}
	v, err := scim.ParseValue([]byte(text), scim.Limits{})
	if err != nil {
		return scim.String(text)
	}
	return v
}
