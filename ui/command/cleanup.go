package command

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"fettle/model"
	"fettle/store"
)

// supersededLimit is how many superseded updates that are not declined a server
// should have at most: beyond it detection on computers suffers (semantics 3.8).
const supersededLimit = 1500

// supersededCount counts the superseded updates that are not declined.
func supersededCount(snap *store.Snapshot) (n int) {
	for _, r := range snap.Updates() {
		if r.Has(model.FlagSuperseded) && !r.Has(model.FlagDeclined) {
			n++
		}
	}
	return n
}

// jobWords lists the jobs' words, in the order in which they run.
func jobWords() []string {
	var words []string
	for _, j := range model.CleanupJobs() {
		words = append(words, string(j.Job))
	}
	return words
}

// jobsFlag reads names of jobs; none means all.
func jobsFlag(given []string) ([]model.CleanupJob, error) {
	var jobs []model.CleanupJob
	for _, text := range given {
		for _, word := range commaList(text) {
			if !slices.Contains(jobWords(), word) {
				return nil, misuse("%q is no job of cleanup; they are %s", model.Clean(word), strings.Join(jobWords(), ", "))
			}
			if !slices.Contains(jobs, model.CleanupJob(word)) {
				jobs = append(jobs, model.CleanupJob(word))
			}
		}
	}
	return jobs, nil
}

func jobsText() string {
	var b strings.Builder
	for _, j := range model.CleanupJobs() {
		fmt.Fprintf(&b, "  %-11s %s\n", j.Job, j.Does)
	}
	return b.String()
}

func (a *app) cleanupCommand() *cobra.Command {
	var only []string
	var all bool
	cmd := &cobra.Command{
		Use:   "cleanup",
		Short: "Say what could be cleaned up and why, and what saved the rest; run it",
		Long: `Say what each job of cleanup would do: candidates with the reason of each, and what
saved the others; and updates that should not have been declined. Nothing is
changed: fettle cleanup run does that. The jobs, in their order:

` + jobsText(),
		Example: `  fettle cleanup --job superseded
  fettle cleanup run superseded expired --plan`,
		Args: words,
	}
	cmd.Flags().StringArrayVar(&only, "job", nil, "only this `JOB`; may be repeated")
	cmd.Flags().BoolVar(&all, "all", false, "list everything, however long it is")
	cmd.RunE = a.held(gated, func(ctx context.Context, h *host, _ []string) error {
		jobs, err := jobsFlag(only)
		if err != nil {
			return err
		}
		items, err := h.store.Cleanup(ctx, jobs)
		if err != nil {
			return err
		}
		return a.writeCleanup(h.store.Snapshot(), items, jobs, all)
	})
	cmd.AddCommand(a.cleanupRunCommand())
	return cmd
}

func (a *app) cleanupRunCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run [JOB...]",
		Short: "Do what the jobs of cleanup found, as one change",
		Long: `Do what the jobs of cleanup found, or all jobs, as one change with one journal
entry. Declines can be taken back; what was removed cannot. The jobs:

` + jobsText(),
		Example: `  fettle cleanup run superseded --plan
  fettle cleanup run --yes`,
		Args: cobra.ArbitraryArgs,
	}
	remark := a.changing(cmd, true)
	cmd.RunE = a.held(gated, func(ctx context.Context, h *host, args []string) error {
		jobs, err := jobsFlag(args)
		if err != nil {
			return err
		}
		items, err := h.store.Cleanup(ctx, jobs)
		if err != nil {
			return err
		}
		snap := h.store.Snapshot()
		c, ok := store.CleanupChange(items)
		if !ok {
			if a.flags.json || a.flags.csv {
				return a.writeObject(object{{key: "candidates", value: 0}})
			}
			_, err := fmt.Fprintln(a.s.Out, "There is nothing to clean up. What saved the rest is said by: fettle cleanup")
			return err
		}
		c.Remark = *remark
		totals := jobTotals(items, jobs)
		first := preface{data: object{{key: "jobs", value: totalObjects(totals)}}, text: func(w io.Writer) {
			for _, t := range totals {
				if t.candidates > 0 {
					_ = a.paragraph(w, "", fmt.Sprintf("%s: %s: %s", t.job, t.does, t.text()))
				}
			}
		}}
		return a.decideAfter(ctx, h, c, first, func(model.Entry) object {
			return append(object{{key: "jobs", value: totalObjects(totals)}}, cleaned(snap, items)...)
		})
	})
	return cmd
}

// cleaned names what a cleanup did something to.
func cleaned(snap *store.Snapshot, items []model.CleanupItem) object {
	var updates, computers []uint32
	for _, it := range items {
		switch {
		case it.Saved:
		case it.Computer != 0:
			computers = append(computers, it.Computer)
		case it.Update != 0:
			updates = append(updates, it.Update)
		}
	}
	slices.Sort(updates)
	return object{{key: "updates", value: idsOf(snap, slices.Compact(updates))}, {key: "computers", value: computerNamesOf(snap, computers)}}
}

// jobTotal is what a job of cleanup came to.
type jobTotal struct {
	job               model.CleanupJob
	does              string
	candidates, saved int
	bytes             int64
}

func (t jobTotal) text() string {
	text := count(t.candidates, "candidate")
	if t.bytes > 0 {
		text += ", " + size(t.bytes)
	}
	return text
}

func jobTotals(items []model.CleanupItem, jobs []model.CleanupJob) []jobTotal {
	var all []jobTotal
	for _, j := range model.CleanupJobs() {
		if len(jobs) > 0 && !slices.Contains(jobs, j.Job) {
			continue
		}
		t := jobTotal{job: j.Job, does: j.Does}
		for _, it := range items {
			switch {
			case it.Job != j.Job:
			case it.Saved:
				t.saved++
			default:
				t.candidates++
				t.bytes += it.Bytes
			}
		}
		all = append(all, t)
	}
	return all
}

func totalObjects(totals []jobTotal) []object {
	var rows []object
	for _, t := range totals {
		rows = append(rows, object{{key: "job", value: string(t.job)}, {key: "does", value: t.does}, {key: "candidates", value: t.candidates}, {key: "saved", value: t.saved}, {key: "bytes", value: t.bytes}})
	}
	return rows
}

// cleanupName names what a job looked at.
func cleanupName(snap *store.Snapshot, it model.CleanupItem) (id, title string) {
	if it.Computer != 0 {
		if c := snap.Computer(it.Computer); c != nil {
			return string(c.ID), c.Name
		}
	}
	if r := snap.Row(it.Update); r != nil {
		return string(r.ID), r.Title
	}
	return "", ""
}

func cleanupObject(snap *store.Snapshot, it model.CleanupItem) object {
	id, title := cleanupName(snap, it)
	o := object{{key: "job", value: string(it.Job)}, {key: "update", value: ""}, {key: "computer", value: ""}, {key: "title", value: title}, {key: "saved", value: it.Saved}, {key: "reason", value: it.Reason}, {key: "bytes", value: it.Bytes}}
	if it.Computer != 0 {
		o[2].value = title
	} else {
		o[1].value = id
	}
	return o
}

// shownItems is how many candidates and how many others of a job are listed
// without --all.
const shownItems = 20

func (a *app) writeCleanup(snap *store.Snapshot, items []model.CleanupItem, jobs []model.CleanupJob, all bool) error {
	superseded, wrong := supersededCount(snap), snap.WrongDeclines()
	if a.flags.json || a.flags.csv {
		var rows []object
		for _, it := range items {
			rows = append(rows, cleanupObject(snap, it))
		}
		if a.flags.csv {
			return a.writeList(a.tableOf(rows), "")
		}
		return a.writeObject(object{{key: "superseded", value: superseded}, {key: "superseded_limit", value: supersededLimit}, {key: "wrong_declines", value: idsOf(snap, wrong)},
			{key: "jobs", value: totalObjects(jobTotals(items, jobs))}, {key: "items", value: rows}})
	}
	out := a.s.Out
	totals := jobTotals(items, jobs)
	if err := a.writeList(list(a, totals, []column[jobTotal]{
		{key: "job", title: "JOB", value: func(t jobTotal) any { return string(t.job) }},
		{key: "candidates", title: "CANDIDATES", right: true, value: func(t jobTotal) any { return t.candidates }},
		{key: "saved", title: "SAVED", right: true, value: func(t jobTotal) any { return t.saved }},
		{key: "bytes", title: "SIZE", right: true, value: func(t jobTotal) any { return t.bytes }, text: func(t jobTotal) string {
			if t.bytes == 0 {
				return "-"
			}
			return size(t.bytes)
		}},
		{key: "does", title: "WHAT IT DOES", give: true, value: func(t jobTotal) any { return t.does }},
	}), ""); err != nil {
		return err
	}
	gauge := fmt.Sprintf("Superseded updates that are not declined: %d of at most %d.", superseded, supersededLimit)
	if superseded > supersededLimit {
		gauge += " So many make detection slow on server and computers: fettle cleanup run superseded"
	}
	fmt.Fprintln(out)
	if err := a.paragraph(out, "", gauge); err != nil {
		return err
	}
	for _, t := range totals {
		for _, part := range []struct {
			saved bool
			title string
			n     int
		}{{false, "would go", t.candidates}, {true, "saved", t.saved}} {
			if part.n == 0 {
				continue
			}
			a.heading("%s: %s:", sentenceStart(string(t.job)), part.title)
			listed := 0
			for _, it := range items {
				if it.Job != t.job || it.Saved != part.saved {
					continue
				}
				if listed == shownItems && !all {
					if err := a.paragraph(out, "  ", fmt.Sprintf("... and %d more; --all lists them", part.n-listed)); err != nil {
						return err
					}
					break
				}
				listed++
				text := it.Reason
				if _, title := cleanupName(snap, it); title != "" {
					text = title + ": " + it.Reason
				}
				if err := a.paragraph(out, "  ", text); err != nil {
					return err
				}
			}
		}
	}
	if len(wrong) > 0 {
		a.heading("Declined, but still needed, and nothing that supersedes it is approved:")
		for i, n := range wrong {
			if i == shownItems && !all {
				return a.paragraph(out, "  ", fmt.Sprintf("... and %d more; --all lists them", len(wrong)-i))
			}
			r := snap.Row(n)
			if err := a.paragraph(out, "  ", fmt.Sprintf("%s: fettle reinstate %s", r.Title, r.ID)); err != nil {
				return err
			}
		}
	}
	return nil
}

func sentenceStart(word string) string {
	if word == "" {
		return ""
	}
	return strings.ToUpper(word[:1]) + word[1:]
}
