// SPDX-License-Identifier: Apache-2.0

package scim

// Fold maps strings that differ in letter case alone to the same string, as
// Unicode's simple folding sees it. Two strings of an attribute that is not
// caseExact are equal in a filter if and only if they fold to the same: so an
// index of a store finds what [SchemaSet.Match] finds. The result is for
// comparing, not for showing.
func Fold(s string) string { return foldKey(s) }
