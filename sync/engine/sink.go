package engine

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"fettle/model"
	"fettle/store"
	"fettle/sync/upstream"
)

// What a run's record keeps at most: a hostile or broken upstream must not fill
// the store with complaints.
const (
	keptFailures = 1000
	keptRemarks  = 50
	longestText  = 1000
)

// sink has the store take in what a source finds, and fills in the run's record.
// Every call has written when it returns, so that an anchor covers what came
// before it.
type sink struct {
	store    *store.Store
	upstream model.Upstream
	run      *model.SyncRun
	anchor   []byte
	failures int
	remarks  int
}

var _ upstream.Sink = (*sink)(nil)

func newSink(s *store.Store, u model.Upstream, run *model.SyncRun, anchor []byte) *sink {
	return &sink{store: s, upstream: u, run: run, anchor: anchor}
}

func (s *sink) Categories(ctx context.Context, c []model.Category) error {
	c = slices.Clone(c)
	for i := range c {
		c[i].Upstream = s.upstream.Name
	}
	added, err := s.store.PutCategories(ctx, c)
	s.run.Products += len(added)
	if err != nil {
		return fmt.Errorf("storing products: %w", err)
	}
	return nil
}

func (s *sink) Updates(ctx context.Context, updates []*model.Update) error {
	for _, u := range updates {
		u.Upstream = s.upstream.Name
	}
	before := s.store.Snapshot()
	r, err := s.store.Import(ctx, updates)
	// What was imported before the error is durable, and so part of the record.
	s.imported(before, r)
	if err != nil {
		return fmt.Errorf("storing updates: %w", err)
	}
	return nil
}

// imported writes down what an import changed.
func (s *sink) imported(before *store.Snapshot, r store.ImportResult) {
	after := s.store.Snapshot()
	s.run.New = append(s.run.New, r.New...)
	for _, n := range r.Revised {
		if expired(after, n) && !expired(before, n) {
			s.run.Expired = append(s.run.Expired, n)
		} else {
			s.run.Revised = append(s.run.Revised, n)
		}
	}
}

func expired(s *store.Snapshot, n uint32) bool {
	r := s.Row(n)
	return r != nil && r.Has(model.FlagExpired)
}

// Complete withdraws what scope no longer offers. Updates that another
// configured upstream brought are that one's to withdraw: two upstreams may each
// read some suites of the same release.
func (s *sink) Complete(ctx context.Context, scope string, present map[model.UpdateID]struct{}) error {
	if scope == "" {
		return fmt.Errorf("withdrawing updates: the upstream named no scope")
	}
	snap := s.store.Snapshot()
	others := map[string]bool{}
	for _, u := range snap.Upstreams() {
		others[u.Name] = u.Name != s.upstream.Name
	}
	var gone []uint32
	for n := range snap.LastUpdate() {
		row := snap.Row(n + 1)
		if row == nil || row.Flags&(model.FlagWithdrawn|model.FlagExpired) != 0 || others[row.Upstream] || !strings.HasPrefix(string(row.ID), scope) {
			continue
		}
		if _, ok := present[row.ID]; !ok {
			gone = append(gone, row.Number)
		}
	}
	done, err := s.store.Withdraw(ctx, gone)
	s.run.Withdrawn = append(s.run.Withdrawn, done...)
	if err != nil {
		return fmt.Errorf("withdrawing updates: %w", err)
	}
	return nil
}

func (s *sink) Anchor(ctx context.Context, anchor []byte) error {
	if bytes.Equal(anchor, s.anchor) && s.anchor != nil {
		return nil
	}
	if err := s.store.SetAnchor(ctx, s.upstream.Name, anchor); err != nil {
		return fmt.Errorf("keeping the anchor: %w", err)
	}
	s.anchor = bytes.Clone(anchor)
	return nil
}

func (s *sink) Fail(item, reason string) {
	if s.failures++; s.failures <= keptFailures {
		s.run.Failures = append(s.run.Failures, model.ImportFailure{Item: bounded(item), Reason: bounded(reason)})
	}
}

func (s *sink) Remark(text string) {
	text = bounded(text)
	if slices.Contains(s.run.Remarks, text) {
		return
	}
	if s.remarks++; s.remarks <= keptRemarks {
		s.run.Remarks = append(s.run.Remarks, text)
	}
}

// finish puts the record in order when the source has returned.
func (s *sink) finish() {
	if n := s.failures - keptFailures; n > 0 {
		s.run.Remarks = append(s.run.Remarks, fmt.Sprintf("%d more items could not be imported; only the first %d are listed.", n, keptFailures))
	}
	if n := s.remarks - keptRemarks; n > 0 {
		s.run.Remarks = append(s.run.Remarks, fmt.Sprintf("%d more remarks were left out.", n))
	}
	// An update counts once, by what is most to say of it: new before revised.
	seen := map[uint32]bool{}
	for _, list := range []*[]uint32{&s.run.New, &s.run.Withdrawn, &s.run.Expired, &s.run.Revised} {
		slices.Sort(*list)
		*list = slices.DeleteFunc(slices.Compact(*list), func(n uint32) bool {
			again := seen[n]
			seen[n] = true
			return again
		})
	}
}

// bounded makes text of an upstream safe to keep and to show.
func bounded(s string) string {
	s = model.Clean(s)
	if len(s) > longestText {
		s = strings.ToValidUTF8(s[:longestText], "") + "…"
	}
	return s
}
