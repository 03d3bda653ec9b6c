// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package testenv

import "syscall"

// asNobody changes nothing here.
func asNobody(...string) (*syscall.SysProcAttr, error) { return nil, nil } //nolint:nilnil // nothing to set
