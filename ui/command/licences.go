package command

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"fettle/model"
	"fettle/store"
)

// terms are licence terms with the updates that they belong to: many updates
// share the same.
type terms struct {
	text    string
	updates []*model.UpdateRow
}

// termsOf reads the licence terms of updates, each text once.
func termsOf(h *host, snap *store.Snapshot, numbers []uint32) ([]terms, error) {
	var all []terms
	place := map[string]int{}
	for _, n := range numbers {
		u, err := h.store.Update(n)
		if err != nil {
			return nil, err
		}
		r := snap.Row(n)
		if r == nil || u.Licence == "" {
			continue
		}
		i, ok := place[u.Licence]
		if !ok {
			i, place[u.Licence] = len(all), len(all)
			all = append(all, terms{text: u.Licence})
		}
		all[i].updates = append(all[i].updates, r)
	}
	return all, nil
}

// writeTerms shows licence terms.
func (a *app) writeTerms(w io.Writer, all []terms) {
	for _, t := range all {
		_ = a.paragraph(w, "", "Licence terms of "+titlesOf(t.updates)+":")
		for _, line := range strings.Split(strings.TrimSpace(model.CleanLines(t.text)), "\n") {
			_ = a.paragraph(w, "  | ", line)
		}
		fmt.Fprintln(w)
	}
}

// titlesOf names some updates.
func titlesOf(rows []*model.UpdateRow) string {
	var names []string
	for _, r := range rows[:min(3, len(rows))] {
		names = append(names, r.Title)
	}
	text := strings.Join(names, ", ")
	if n := len(rows) - 3; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}

func (a *app) acceptLicenceCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "accept-licence QUERY|ID...",
		Short: "Accept the licence terms of updates, so that they can be approved",
		Long: `Accept the licence terms of updates, after showing them. Until then nobody can
approve these updates, and no rule does. When a revision brings other terms, these
have to be accepted anew.`,
		Example: `  fettle accept-licence is:licence --plan
  fettle accept-licence 'is:licence title:"SQL Server"'`,
		Args: between(1, -1, "a query or identifiers of updates"),
	}
	remark := a.changing(cmd, true)
	cmd.RunE = a.held(gated, func(ctx context.Context, h *host, args []string) error {
		snap := h.store.Snapshot()
		numbers, err := a.chooseUpdates(ctx, h, snap, args, func(r *model.UpdateRow) bool { return r.Has(model.FlagLicence) && !r.Has(model.FlagDeclined) })
		if err != nil {
			return err
		}
		all, err := termsOf(h, snap, numbers)
		if err != nil {
			return err
		}
		var rows []object
		for _, t := range all {
			var ids []string
			for _, r := range t.updates {
				ids = append(ids, string(r.ID))
			}
			rows = append(rows, object{{key: "terms", value: model.CleanLines(t.text)}, {key: "updates", value: ids}})
		}
		first := preface{text: func(w io.Writer) { a.writeTerms(w, all) }, data: object{{key: "licences", value: rows}}}
		return a.decideAfter(ctx, h, model.Change{Kind: model.ChangeLicence, Updates: numbers, Remark: *remark}, first, func(model.Entry) object {
			return object{{key: "updates", value: idsOf(snap, numbers)}}
		})
	})
	return cmd
}

// alarmText says what a revision changed, in sentences.
func alarmText(alarm model.RevisionAlarm) []string {
	lines := []string{fmt.Sprintf("revision %d replaced revision %d after it was approved", alarm.Revision, alarm.Before)}
	for _, c := range alarm.Changed {
		lines = append(lines, "changed: "+c)
	}
	if alarm.Held != model.HeldNot {
		lines = append(lines, "its approvals are held back, nothing is installed: "+alarm.Held.String())
	} else {
		lines = append(lines, "its approvals moved to the new revision")
	}
	return lines
}

// alarmObject is a revision alarm for programs.
func alarmObject(alarm model.RevisionAlarm) object {
	held := ""
	switch alarm.Held {
	case model.HeldLicence:
		held = "licence"
	case model.HeldOption:
		held = "option"
	}
	return object{{key: "before", value: alarm.Before}, {key: "revision", value: alarm.Revision}, {key: "time", value: alarm.Time}, {key: "changed", value: alarm.Changed},
		{key: "held_back", value: alarm.Held != model.HeldNot}, {key: "held_because", value: held}, {key: "seen", value: alarm.Seen}}
}

func (a *app) acknowledgeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "acknowledge QUERY|ID...",
		Short: "Say that the revisions of approved updates were looked at",
		Long: `Say that you looked at what revisions changed of approved updates: what they apply
to, products, licence. The difference is shown first; the notice in the Overview
ends. Approvals that are held back stay so, until the update is approved again.`,
		Example: `  fettle acknowledge approval:install --plan
  fettle acknowledge deb/Debian/bookworm/tzdata/2025b-0+deb12u2`,
		Args: between(1, -1, "a query or identifiers of updates"),
	}
	remark := a.changing(cmd, true)
	cmd.RunE = a.held(gated, func(ctx context.Context, h *host, args []string) error {
		snap := h.store.Snapshot()
		unseen := func(r *model.UpdateRow) bool { alarm, ok := snap.Alarm(r.Number); return ok && !alarm.Seen }
		numbers, err := a.chooseUpdates(ctx, h, snap, args, unseen)
		if err != nil {
			return err
		}
		var rows []object
		for _, n := range numbers {
			if alarm, ok := snap.Alarm(n); ok {
				rows = append(rows, append(object{{key: "update", value: string(snap.Row(n).ID)}}, alarmObject(alarm)...))
			}
		}
		first := preface{data: object{{key: "alarms", value: rows}}, text: func(w io.Writer) {
			for _, n := range numbers {
				alarm, ok := snap.Alarm(n)
				if !ok {
					continue
				}
				_ = a.paragraph(w, "", snap.Row(n).Title+":")
				for _, l := range alarmText(alarm) {
					_ = a.paragraph(w, "  ", l)
				}
			}
		}}
		return a.decideAfter(ctx, h, model.Change{Kind: model.ChangeSeen, Updates: numbers, Remark: *remark}, first, func(model.Entry) object {
			return object{{key: "updates", value: idsOf(snap, numbers)}}
		})
	})
	return cmd
}
