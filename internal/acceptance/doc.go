// SPDX-License-Identifier: Apache-2.0

// Package acceptance holds the tests of the whole product on real input: the
// built binary, a real HR export and its bad days, and SCIM servers that we
// did not write. What must be is computed here a second time, from the files
// alone and by other code than the product's.
package acceptance
