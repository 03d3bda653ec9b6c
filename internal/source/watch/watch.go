// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Config is what a Watcher is made of.
type Config struct {
	// Files are the paths of sources' files by the sources' names. A path whose
	// last part is a pattern, as [filepath.Match] has it, stands for several.
	Files   map[string]string
	Changed func(name string) // called by Run; must not block for long
	// Every is the time between two looks at every file; 0 means 5 s.
	Every time.Duration
	// Quiet is how long a file must lie still before Changed is called; 0 means
	// 50 ms. One that is written without a pause is told of all the same, after
	// ten times as long.
	Quiet time.Duration
}

// Watcher watches files while Run runs.
type Watcher struct {
	Config
	events  *fsnotify.Watcher // nil if the system has none
	files   map[string]*file
	folders map[string]bool // those that are watched
}

// file is one file and what is known of it.
type file struct {
	path, folder string
	pattern      string // "" for a single file
	last         look
	first, due   time.Time // of a change that has not been told yet
}

// look is what a file looks like from outside.
type look struct {
	there bool
	size  int64
	mod   time.Time
	mode  fs.FileMode
	info  fs.FileInfo // for its identity; nil for several
	all   uint64      // of several: names, sizes and times
}

func (l look) equal(m look) bool {
	if l.there != m.there || !l.there {
		return l.there == m.there
	}
	if l.info == nil || m.info == nil {
		return l.all == m.all
	}
	return l.size == m.size && l.mod.Equal(m.mod) && l.mode == m.mode && os.SameFile(l.info, m.info)
}

func (f *file) lookAt() look {
	if f.pattern != "" {
		return f.lookAtAll()
	}
	info, err := os.Stat(f.path)
	if err != nil {
		return look{}
	}
	return look{there: true, size: info.Size(), mod: info.ModTime(), mode: info.Mode(), info: info}
}

// lookAtAll looks at every file of a pattern.
func (f *file) lookAtAll() look {
	entries, err := os.ReadDir(f.folder)
	if err != nil {
		return look{}
	}
	h := fnv.New64a()
	for _, e := range entries { // in the order of their names
		if ok, _ := filepath.Match(f.pattern, e.Name()); !ok {
			continue
		}
		if info, err := os.Stat(filepath.Join(f.folder, e.Name())); err == nil {
			fmt.Fprintf(h, "%q %d %d %o\n", e.Name(), info.Size(), info.ModTime().UnixNano(), info.Mode())
		}
	}
	return look{there: true, all: h.Sum64()}
}

// named reports whether a path names the file, or one of them.
func (f *file) named(path string) bool {
	if f.pattern == "" {
		return path == f.path
	}
	ok, _ := filepath.Match(f.pattern, filepath.Base(path))
	return ok && filepath.Dir(path) == f.folder
}

// New returns a Watcher. Whatever changes after New is told by Run.
func New(c Config) (*Watcher, error) {
	if c.Every == 0 {
		c.Every = 5 * time.Second
	}
	if c.Quiet == 0 {
		c.Quiet = 50 * time.Millisecond
	}
	w := &Watcher{Config: c, files: map[string]*file{}, folders: map[string]bool{}}
	for name, path := range c.Files {
		path, err := filepath.Abs(path)
		if err != nil {
			return nil, fmt.Errorf("watch %s: %w", name, err)
		}
		f := &file{path: path, folder: filepath.Dir(path)}
		if base := filepath.Base(path); strings.ContainsAny(base, "*?[") {
			f.pattern = base
		}
		w.files[name] = f
	}
	// Without events, as when the system has no more of them, the looks do.
	w.events, _ = fsnotify.NewWatcher()
	w.follow()
	for _, f := range w.files {
		f.last = f.lookAt()
	}
	return w, nil
}

// Close ends a Watcher that was not run; Run does so at its end.
func (w *Watcher) Close() {
	if w.events != nil {
		_ = w.events.Close() // nothing is lost with it
	}
}

// follow watches the folders that are there by now. One that was removed and
// made anew is another folder, so that its watch is gone with it.
func (w *Watcher) follow() {
	if w.events == nil {
		return
	}
	for _, f := range w.files {
		if !w.folders[f.folder] && w.events.Add(f.folder) == nil {
			w.folders[f.folder] = true
		}
	}
}

// Run tells of changes until ctx ends.
func (w *Watcher) Run(ctx context.Context) error {
	defer w.Close()
	var events <-chan fsnotify.Event
	var faults <-chan error
	if w.events != nil {
		events, faults = w.events.Events, w.events.Errors
	}
	poll := time.NewTicker(w.Every)
	defer poll.Stop()
	told := time.NewTimer(w.Every)
	defer told.Stop()
	for {
		told.Reset(w.tell())
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-events:
			if !ok {
				return errors.New("watch: the events have ended")
			}
			w.event(e)
		case err := <-faults:
			if err != nil { // events were lost: the look finds what they would have told
				w.look()
			}
		case <-poll.C:
			w.follow()
			w.look()
		case <-told.C:
		}
	}
}

// event takes one event. What is done to a file by its name is a change, however
// it looks; any other event in its folder may be a link that now leads elsewhere.
func (w *Watcher) event(e fsnotify.Event) {
	if w.folders[e.Name] && e.Has(fsnotify.Remove|fsnotify.Rename) {
		delete(w.folders, e.Name)
	}
	for _, f := range w.files {
		switch {
		case f.named(e.Name) && e.Has(fsnotify.Create|fsnotify.Write|fsnotify.Rename|fsnotify.Remove):
			if f.pattern == "" { // of several, the next look tells again, which does no harm
				f.last = f.lookAt()
			}
			f.changed(w.Quiet)
		case f.pattern != "" && e.Name != f.folder: // of another file, in a folder that may be full of them
		case filepath.Dir(e.Name) == f.folder || e.Name == f.folder:
			f.look(w.Quiet)
		}
	}
}

func (w *Watcher) look() {
	for _, f := range w.files {
		f.look(w.Quiet)
	}
}

func (f *file) look(quiet time.Duration) {
	if now := f.lookAt(); !now.equal(f.last) {
		f.last = now
		f.changed(quiet)
	}
}

// changed puts off the telling until the file lies still.
func (f *file) changed(quiet time.Duration) {
	now := time.Now()
	if f.first.IsZero() {
		f.first = now
	}
	f.due = now.Add(quiet)
	if latest := f.first.Add(10 * quiet); f.due.After(latest) {
		f.due = latest
	}
}

// tell calls Changed for what is due, and returns when to come again.
func (w *Watcher) tell() time.Duration {
	now, next := time.Now(), w.Every
	for name, f := range w.files {
		switch {
		case f.due.IsZero():
		case !f.due.After(now):
			f.first, f.due = time.Time{}, time.Time{}
			w.Changed(name)
		default:
			next = min(next, f.due.Sub(now))
		}
	}
	return next
}
