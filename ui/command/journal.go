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
)

func (a *app) journalCommand() *cobra.Command {
	var since, by string
	var limit int
	cmd := &cobra.Command{
		Use:   "journal",
		Short: "List what was changed: when, by whom, what, why",
		Long: `List the journal, the newest entry first: the tamper-evident record of every
change. fettle journal verify finds the first entry that is not what it was.`,
		Args: words,
	}
	cmd.Flags().StringVar(&since, "since", "", "only since this `TIME`: 7d, 12h, 2026-12-01")
	cmd.Flags().StringVar(&by, "by", "", "only by this `USER`")
	cmd.Flags().IntVar(&limit, "limit", 0, "at most this `NUMBER` of entries (default: all)")
	cmd.RunE = a.held(gated, func(_ context.Context, h *host, _ []string) error {
		from, err := past(since, h.store.Now(), a.zone)
		if err != nil {
			return err
		}
		all, err := h.store.Entries(0, 0)
		if err != nil {
			return err
		}
		slices.Reverse(all)
		all = slices.DeleteFunc(all, func(e model.Entry) bool {
			return e.Time.Before(from) || by != "" && !strings.EqualFold(e.Actor.Who, by)
		})
		if limit > 0 {
			all = all[:min(limit, len(all))]
		}
		return a.writeList(list(a, all, journalColumns()), "The journal has no such entry.")
	})
	cmd.AddCommand(&cobra.Command{
		Use: "verify", Short: "Check the whole journal: every hash, the signature of its head", Args: between(0, 0, ""),
		RunE: a.held(gated, a.verifyJournal),
	})
	return cmd
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

func (a *app) verifyJournal(ctx context.Context, h *host, _ []string) error {
	v, err := h.store.VerifyJournal(ctx)
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
