package report

import (
	"cmp"
	"slices"
	"time"

	"fettle/model"
)

// changeLimit bounds the updates listed for one run: an initial
// synchronization brings the whole catalogue, which is not news.
const changeLimit = 500

// synchronizationResults builds the report of that name (semantics 3.9).
func (b *builder) synchronizationResults() error {
	runs := b.snap.Runs()
	type result struct {
		upstream                        string
		runs, succeeded, failed, others int
		last, good                      *model.SyncRun
	}
	byName := map[string]*result{}
	at := func(name string) *result {
		r := byName[name]
		if r == nil {
			r = &result{upstream: name}
			byName[name] = r
		}
		return r
	}
	for _, u := range b.snap.Upstreams() {
		at(u.Name) // one that never ran is worth a line
	}
	for _, run := range runs { // the newest first
		r := at(run.Upstream)
		r.runs++
		if r.last == nil {
			r.last = run
		}
		switch run.Result {
		case model.SyncSucceeded:
			r.succeeded++
			if r.good == nil {
				r.good = run
			}
		case model.SyncFailed:
			r.failed++
		default:
			r.others++
		}
	}
	results := make([]*result, 0, len(byName))
	for _, r := range byName {
		results = append(results, r)
	}
	slices.SortFunc(results, func(x, y *result) int { return cmp.Compare(x.upstream, y.upstream) })
	upstreams := section("upstreams", "Upstreams", "No upstream is configured.", results, []field[*result]{
		ask("upstream", "Upstream", KindText, 0, func(r *result) Cell { return r.upstream }),
		ask("result", "Last result", KindIdentifier, 0, func(r *result) Cell {
			if r.last == nil {
				return model.SyncResult(0).String()
			}
			return resultWord(r.last)
		}),
		ask("last", "Last run", KindTime, 0, func(r *result) Cell {
			if r.last == nil {
				return nil
			}
			return b.at(r.last.Started)
		}),
		ask("last_success", "Last success", KindTime, 1, func(r *result) Cell {
			if r.good == nil {
				return nil
			}
			return b.at(r.good.Ended)
		}),
		ask("runs", "Runs", KindCount, 3, func(r *result) Cell { return r.runs }),
		ask("succeeded", "Succeeded", KindCount, 2, func(r *result) Cell { return r.succeeded }),
		ask("failed", "Failed", KindCount, 2, func(r *result) Cell { return r.failed }),
		ask("others", "Others", KindCount, 4, func(r *result) Cell { return r.others }),
	})

	list := section("runs", "Synchronizations", "No synchronization was run yet.", runs, []field[*model.SyncRun]{
		ask("id", "No.", KindCount, 0, func(r *model.SyncRun) Cell { return int(r.ID) }),
		ask("upstream", "Upstream", KindText, 0, func(r *model.SyncRun) Cell { return r.Upstream }),
		ask("started", "Started", KindTime, 0, func(r *model.SyncRun) Cell { return b.at(r.Started) }),
		ask("ended", "Ended", KindTime, 6, func(r *model.SyncRun) Cell { return b.at(r.Ended) }),
		ask("duration", "Took", KindDuration, 2, func(r *model.SyncRun) Cell {
			if r.Ended.IsZero() {
				return nil
			}
			return r.Ended.Sub(r.Started).Truncate(time.Millisecond)
		}),
		ask("by", "By", KindText, 5, func(r *model.SyncRun) Cell {
			if !r.Manual {
				return "schedule"
			}
			return cmp.Or(r.Actor.Who, "hand")
		}),
		ask("kind", "Kind", KindIdentifier, 4, func(r *model.SyncRun) Cell {
			if r.Initial {
				return "initial"
			}
			return "incremental"
		}),
		ask("result", "Result", KindIdentifier, 0, func(r *model.SyncRun) Cell { return resultWord(r) }),
		ask("new", "New", KindCount, 0, func(r *model.SyncRun) Cell { return len(r.New) }),
		ask("revised", "Revised", KindCount, 0, func(r *model.SyncRun) Cell { return len(r.Revised) }),
		ask("expired", "Expired", KindCount, 1, func(r *model.SyncRun) Cell { return len(r.Expired) }),
		ask("withdrawn", "Withdrawn", KindCount, 1, func(r *model.SyncRun) Cell { return len(r.Withdrawn) }),
		ask("failures", "Not imported", KindCount, 2, func(r *model.SyncRun) Cell { return len(r.Failures) }),
		ask("read", "Read", KindBytes, 7, func(r *model.SyncRun) Cell { return r.Read }),
		sentence("error", "Error", 3, func(r *model.SyncRun) Cell { return r.Error }),
		ask("remarks", "Remarks", KindList, 8, func(r *model.SyncRun) Cell { return r.Remarks }),
	})

	type item struct {
		run      *model.SyncRun
		a, b     string
		row      *model.UpdateRow
		category string
	}
	var failures, remarks, changes []item
	inScope := make(map[uint32]bool, len(b.rows))
	for _, r := range b.rows {
		inScope[r.Number] = true
	}
	left := 0
	for _, r := range runs {
		for _, f := range r.Failures {
			failures = append(failures, item{run: r, a: f.Item, b: f.Reason})
		}
		for _, m := range r.Remarks {
			remarks = append(remarks, item{run: r, a: m})
		}
		n := 0
		for _, c := range []struct {
			word    string
			numbers []uint32
		}{{"withdrawn", r.Withdrawn}, {"expired", r.Expired}, {"revised", r.Revised}, {"new", r.New}} {
			for _, u := range c.numbers {
				row := b.snap.Row(u)
				switch {
				case row == nil || b.query != "" && !inScope[u]:
				case n >= changeLimit || len(changes) >= pairLimit:
					left++
				default:
					n++
					changes = append(changes, item{run: r, category: c.word, row: row})
				}
			}
		}
	}
	b.report.Sections = append(b.report.Sections, upstreams, list,
		section("failures", "What could not be imported", "Everything could be imported.", failures, []field[item]{
			ask("run", "No.", KindCount, 0, func(i item) Cell { return int(i.run.ID) }),
			ask("upstream", "Upstream", KindText, 2, func(i item) Cell { return i.run.Upstream }),
			ask("item", "Item", KindText, 0, func(i item) Cell { return i.a }),
			sentence("reason", "Reason", 0, func(i item) Cell { return i.b }),
		}))
	if len(remarks) > 0 {
		b.report.Sections = append(b.report.Sections, section("remarks", "Remarks", "", remarks, []field[item]{
			ask("run", "No.", KindCount, 0, func(i item) Cell { return int(i.run.ID) }),
			sentence("remark", "Remark", 0, func(i item) Cell { return i.a }),
		}))
	}
	s := section("updates", "What changed", "No update in scope was changed by a synchronization.", changes, []field[item]{
		ask("run", "No.", KindCount, 0, func(i item) Cell { return int(i.run.ID) }),
		ask("change", "Change", KindIdentifier, 0, func(i item) Cell { return i.category }),
		field[item]{Column{Key: "id", Title: "Identifier", Kind: KindIdentifier, Rank: 3}, func(i item) Cell { return string(i.row.ID) }},
		ask("title", "Update", KindText, 0, func(i item) Cell { return i.row.Title }),
		ask("class", "Class", KindText, 1, func(i item) Cell { return i.row.Class.String() }),
		ask("severity", "Severity", KindText, 2, func(i item) Cell { return i.row.Severity.String() }),
	})
	if left > 0 {
		s.note("%d changes are left out: at most %d are listed for one synchronization. A query shows those of the updates that match.", left, changeLimit)
	}
	b.report.Sections = append(b.report.Sections, s)
	return nil
}

// resultWord gives a run's result; one without an end is still under way, or
// its process died.
func resultWord(r *model.SyncRun) string {
	if r.Ended.IsZero() {
		return "not ended"
	}
	return r.Result.String()
}
