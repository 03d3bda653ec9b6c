// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"time"
)

// columns are those of the HR file, with addresses or without.
func columns(mails bool) []string {
	all := []string{"id", "first_name", "last_name", "department", "job_title", "manager", "hire_date", "end_date"}
	if mails {
		all = append(all, "email")
	}
	return all
}

// WriteHR writes an export of these people, in one step: who reads the file
// sees the old one or the new one. With mails it has their addresses, too.
func WriteHR(path string, workers []*Worker, mails bool) error {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	rows := [][]string{columns(mails)}
	for _, p := range workers {
		row := []string{p.Number, p.Given, p.Family, p.Department, p.Title, p.Manager, date(p.Start), date(p.End)}
		if mails {
			row = append(row, p.Mail)
		}
		rows = append(rows, row)
	}
	if err := w.WriteAll(rows); err != nil {
		return fmt.Errorf("HR file: %w", err)
	}
	next := path + ".new"
	if err := os.WriteFile(next, b.Bytes(), 0o600); err != nil {
		return fmt.Errorf("HR file: %w", err)
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("HR file: %w", err)
	}
	return nil
}

func date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.DateOnly)
}
