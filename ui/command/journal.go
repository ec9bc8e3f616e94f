package command

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fettle/model"
	"fettle/model/query"
	"fettle/store"
)

func (a *app) journalCommand() *cobra.Command {
	var since, by string
	var limit int
	cmd := &cobra.Command{
		Use:   "journal [QUERY]",
		Short: "List what was changed: when, by whom, what, why",
		Long: `List the journal, the newest entry first: the tamper-evident record of every
change. A QUERY narrows it: who:, from:, kind:, since:, is: or words of what was
done; fettle help query lists the fields. fettle journal verify finds the first
entry that is not what it was.`,
		Example: `  fettle journal who:alice since:7d
  fettle journal kind:approve from:rule --limit 20
  fettle journal verify`,
		Args: between(0, -1, ""),
	}
	cmd.Flags().StringVar(&since, "since", "", "only since this `TIME`: 7d, 12h, 2026-12-01")
	cmd.Flags().StringVar(&by, "by", "", "only by this `USER`")
	cmd.Flags().IntVar(&limit, "limit", 0, "at most this `NUMBER` of entries (default: all)")
	cmd.RunE = a.held(gated, func(ctx context.Context, h *host, args []string) error {
		from, err := past(since, h.store.Now(), a.zone)
		if err != nil {
			return err
		}
		text := strings.Join(args, " ")
		q, err := query.ParseEntries(text)
		if err != nil {
			return queryError(text, err)
		}
		fits := q.Matcher(h.store.Now().In(a.zone))
		all, err := newestEntries(ctx, h, limit, func(e *model.Entry) bool {
			return !e.Time.Before(from) && (by == "" || strings.EqualFold(e.Actor.Who, by)) && fits(e)
		})
		if err != nil {
			return err
		}
		return a.writeList(list(a, all, journalColumns()), "The journal has no such entry.")
	})
	cmd.AddCommand(&cobra.Command{
		Use: "verify", Short: "Check the whole journal: every hash, the signature of its head", Args: between(0, 0, ""),
		RunE: a.held(gated, a.verifyJournal),
	})
	return cmd
}

// newestEntries gives the entries that fit, the newest first, at most limit; 0
// means all. The journal is read from its end in parts, so that a few entries of a
// long one cost little.
func newestEntries(ctx context.Context, h *host, limit int, fits func(*model.Entry) bool) ([]model.Entry, error) {
	const part = 1000
	var all []model.Entry
	head, _ := h.store.Snapshot().Journal()
	for head > 0 && (limit <= 0 || len(all) < limit) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		begin := head - min(head-1, part-1)
		entries, err := h.store.Entries(begin, int(head-begin+1))
		if err != nil {
			return nil, err
		}
		for _, e := range slices.Backward(entries) {
			if fits(&e) {
				all = append(all, e)
			}
		}
		head = begin - 1
	}
	if limit > 0 {
		all = all[:min(limit, len(all))]
	}
	return all, nil
}

func journalColumns() []column[model.Entry] {
	type row = model.Entry
	return []column[row]{
		{key: "entry", title: "ENTRY", right: true, value: func(e row) any { return e.Seq }},
		{key: "time", title: "TIME", value: func(e row) any { return e.Time }},
		{key: "by", title: "BY", give: true, value: func(e row) any { return e.Actor.Who }},
		{key: "from", title: "FROM", rank: 2, value: func(e row) any { return string(e.Actor.From) }},
		{key: "via", value: func(e row) any { return e.Actor.Via }},
		{key: "kind", value: func(e row) any { return string(e.Kind) }},
		{key: "summary", title: "WHAT", give: true, value: func(e row) any { return e.Summary }},
		{key: "remark", title: "WHY", give: true, rank: 1, value: func(e row) any { return e.Remark }},
		{key: "undoes", value: func(e row) any {
			if e.Undoes == 0 {
				return nil
			}
			return e.Undoes
		}},
		{key: "undoable", value: func(e row) any { return e.Inverse != nil }},
		{key: "result", value: func(e row) any {
			if e.Result == 0 {
				return nil
			}
			return e.Result
		}},
	}
}

// past reads --since: a distance back from now, or a date and time.
func past(text string, now time.Time, zone *time.Location) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, ok := later(text, now); ok {
		return now.Add(-t.Sub(now)), nil
	}
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(form, text, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, misuse("--since %q is not a time; write 12h, 7d, 2026-12-01 or 2026-12-01T18:00", model.Clean(text))
}

// verifyProgress verifies the journal and tells how far it is.
func (a *app) verifyProgress(ctx context.Context, h *host) (store.JournalVerdict, error) {
	m := a.meter()
	defer m.clear()
	return h.store.VerifyJournal(ctx, m.show)
}

func (a *app) verifyJournal(ctx context.Context, h *host, _ []string) error {
	v, err := a.verifyProgress(ctx, h)
	if err != nil {
		return err
	}
	if a.flags.json || a.flags.csv {
		err = a.writeObject(object{{key: "entries", value: v.Entries}, {key: "head", value: v.Head}, {key: "broken", value: v.Broken}, {key: "problem", value: v.Problem}})
	} else if v.Problem == "" {
		_, err = fmt.Fprintf(a.s.Out, "The journal is whole: %s; head %s.\n", entries(int(v.Entries)), v.Head)
	}
	if err == nil && v.Problem != "" {
		err = fmt.Errorf("the journal is not what it was: %s. Keep a copy of the data directory; restore a backup with: fettle restore FILE --data NEW-DIRECTORY", v.Problem)
	}
	return err
}

func (a *app) undoCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "undo [ENTRY]",
		Short: "Take a change back, as a change of its own",
		Long: `Take back an entry of the journal; without a number, the newest that can be
taken back. It says what cannot be undone: what is installed stays installed.`,
		Args: between(0, 1, "the number of an entry"),
	}
	remark := a.changing(cmd, true)
	cmd.RunE = a.held(gated, func(ctx context.Context, h *host, args []string) error {
		entry := uint64(0)
		if len(args) == 1 {
			var err error
			if entry, err = strconv.ParseUint(args[0], 10, 64); err != nil || entry == 0 {
				return misuse("%q is not the number of an entry; list them with: fettle journal", model.Clean(args[0]))
			}
		}
		if err := a.permit("Nothing was taken back"); err != nil && !a.flags.plan {
			return err
		}
		p, e, err := h.store.PlanUndo(ctx, entry, a.s.Actor)
		if err != nil {
			return err
		}
		if err := a.approvePlan(ctx, p, preface{}); err != nil || a.flags.plan {
			return err
		}
		made, err := h.store.Undo(ctx, e.Seq, a.actor(), *remark)
		if err != nil {
			return a.awaiting(err)
		}
		return a.made(made, func(model.Entry) object { return object{{key: "undoes", value: e.Seq}} })
	})
	return cmd
}

// entries writes a number of journal entries.
func entries(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return strconv.Itoa(n) + " entries"
}
