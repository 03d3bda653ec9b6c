// SPDX-License-Identifier: Apache-2.0

// Package workday reads the workers of a Workday tenant by its SOAP web service
// Human_Resources, operation Get_Workers.
//
// It owns what is asked, what an answer means, and how the same worker today and some time
// ahead become one record, as what lies ahead is in no answer about today. The record is
// JSON with members of our own names ([worker]); package httpin, whose Feed [Feed] is, makes
// rows of it, sends the requests, and looks for whoever is absent.
//
// The package must not send anything by itself, must not make XML but by encoding/xml, and
// must put nothing into an error that was sent or answered: what is sent holds the password.
//
// An answer is XML in UTF-8 without a DTD, entities of its own or processing instructions,
// and not nested deeper than [deepest]. Of it only what stands in the types of this package
// is kept.
//
// Messages: SOAP 1.1; WS-Security UsernameToken Profile 1.0, PasswordText. Elements:
// https://community.workday.com/sites/default/files/file-hosting/productionapi/Human_Resources/v35.2/Get_Workers.html,
// which needs an account; read by way of
// https://learn.microsoft.com/entra/identity/app-provisioning/workday-integration-reference and
// workday-attribute-reference beside it, and of public code made from the WSDL, November 2026.
// Not tried on a live tenant: docs/hr/workday.md.
//
// Goroutines: none.
package workday
