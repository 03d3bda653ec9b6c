// SPDX-License-Identifier: Apache-2.0

// Package app says what the engine needs of a downstream system with accounts,
// and how one kind of system differs from plain SCIM 2.0.
//
// It owns the [App] interface, the classes of an app's answers ([Error],
// [Classify]) and the profiles, which are data embedded in the binary
// ([Profiles], [ProfileByID]; for people [FactsByID]) or files of their own
// ([ProfileOf]). Each kind of connection is a folder below this one; scimapp speaks SCIM
// 2.0. Those that speak a maker's own API have what may be concluded from its answers in
// common ([FromRest], [Begin]).
//
// It must not decide what is written, retry, wait, or keep anything about an
// account: the engine plans, journals and retries, an app only carries one
// request and says honestly what came of it. There is no registry: whoever
// composes the program picks the connection by the profile's Kind.
//
// A profile's file is obeyed word by word, and what cannot be is an error when it
// is read (words.go, attributes.go). Remarks in round brackets are for people. Where
// a field holds words, a field beside it says how they are obeyed: path_filters,
// active_style, group_rename_style, member_add_style, member_remove_style,
// forbidden_paths and kept_paths of patch; by, leaves and delete_leaves of
// deactivate; and by themselves forbidden_characters, create_only_attributes,
// immutable_attributes, single_valued, flag_primary, lower_case, random_password,
// list_late, list_partial and reuses_ids. What each does stands at [Profile] and [Dialect].
//
// Filters, PATCH and paging are those of RFC 7644 §3.4.2, §3.5.2 and RFC 9865;
// a profile names departures from them.
//
// The package starts no goroutines. Implementations of App are safe for
// concurrent use.
package app
