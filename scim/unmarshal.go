// SPDX-License-Identifier: Apache-2.0

package scim

// UnmarshalJSON reads one JSON value, strictly, within the default [Limits].
func (v *Value) UnmarshalJSON(data []byte) error {
	parsed, err := ParseValue(data, Limits{})
	if err != nil {
		return err
	}
	*v = parsed
	return nil
}
