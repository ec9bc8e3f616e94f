package command

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"fettle/model"
	"fettle/store"
)

func (a *app) deploymentsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "deployments",
		Short: "List deployments with their progress",
		Args:  between(0, 0, ""),
		RunE: a.held(gated, func(_ context.Context, h *host, _ []string) error {
			snap := h.store.Snapshot()
			type row = *store.Deploying
			var all []row
			for _, d := range snap.Deployments() {
				all = append(all, snap.Progress(d.ID))
			}
			count := func(key, title string, rank int, get func(store.Pairs) int) column[row] {
				return column[row]{key: key, title: title, right: true, rank: rank, value: func(d row) any { return get(d.Total) }}
			}
			return a.writeList(list(a, all, []column[row]{
				{key: "id", title: "ID", right: true, value: func(d row) any { return d.Deployment.ID }},
				{key: "name", title: "NAME", give: true, value: func(d row) any { return d.Deployment.Name }},
				{key: "percent", title: "DONE", right: true, value: func(d row) any { return percent(d.Total.Percent()) }, text: func(d row) string { return percentText(d.Total) }},
				count("installed", "INSTALLED", 4, func(p store.Pairs) int { return p.Installed }),
				count("waiting", "WAITING", 2, func(p store.Pairs) int { return p.Waiting }),
				count("failed", "FAILED", 1, func(p store.Pairs) int { return p.Failed }),
				count("pending_restart", "RESTART", 5, func(p store.Pairs) int { return p.Pending }),
				count("unknown", "", 0, func(p store.Pairs) int { return p.Unknown }),
				{key: "updates", title: "UPDATES", right: true, rank: 6, value: func(d row) any { return len(d.Deployment.Updates) }},
				{key: "groups", title: "GROUPS", give: true, rank: 3, value: func(d row) any { return deploymentGroups(snap, d.Deployment) }},
				{key: "time", title: "MADE", rank: 7, value: func(d row) any { return d.Deployment.Time }},
				{key: "author", title: "BY", rank: 8, value: func(d row) any { return d.Deployment.Author }},
				{key: "undone", value: func(d row) any { return d.Deployment.Undone }},
				{key: "remark", value: func(d row) any { return d.Deployment.Remark }},
			}), "Nothing was deployed yet. Approve updates with: fettle approve QUERY --group GROUP")
		}),
	}
}

func percentText(p store.Pairs) string {
	if p.Applicable == 0 {
		return "-"
	}
	return strconv.FormatFloat(percent(p.Percent()), 'f', -1, 64) + " %"
}

func deploymentGroups(snap *store.Snapshot, d *model.Deployment) []string {
	var names []string
	for _, g := range d.Groups {
		names = append(names, groupName(snap, g.Group))
	}
	return names
}

func pairsObject(p store.Pairs) object {
	return object{{key: "applicable", value: p.Applicable}, {key: "installed", value: p.Installed}, {key: "failed", value: p.Failed}, {key: "pending_restart", value: p.Pending},
		{key: "waiting", value: p.Waiting}, {key: "overridden", value: p.Overridden}, {key: "unknown", value: p.Unknown}, {key: "percent", value: percent(p.Percent())}}
}

func (a *app) deploymentCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "deployment ID",
		Short: "Show one deployment: progress per group, per update, and where it failed",
		Args:  between(1, 1, "the number of a deployment"),
		RunE: a.held(gated, func(_ context.Context, h *host, args []string) error {
			id, err := strconv.ParseUint(args[0], 10, 64)
			if err != nil {
				return misuse("%q is not the number of a deployment; list them with: fettle deployments", model.Clean(args[0]))
			}
			snap := h.store.Snapshot()
			d := snap.Progress(id)
			if d == nil {
				return fmt.Errorf("there is no deployment %d; list them with: fettle deployments", id)
			}
			return a.deployment(snap, d)
		}),
	}
}

func (a *app) deployment(snap *store.Snapshot, d *store.Deploying) error {
	var groups, updates []object
	for _, g := range d.Groups {
		o := object{{key: "group", value: g.Name}, {key: "action", value: g.Group.Action.String()}, {key: "deadline", value: g.Group.Deadline}}
		groups = append(groups, append(o, pairsObject(g.Pairs)...))
	}
	for _, u := range d.Updates {
		row := snap.Row(u.Update)
		if row == nil {
			continue
		}
		var failed []string
		for _, n := range u.Failed {
			if c := snap.Computer(n); c != nil {
				failed = append(failed, c.Name)
			}
		}
		o := object{{key: "update", value: string(row.ID)}, {key: "title", value: row.Title}}
		o = append(o, pairsObject(u.Pairs)...)
		updates = append(updates, append(o, member{key: "failed_on", value: failed}))
	}
	state := "in force"
	if d.Deployment.Undone {
		state = "taken back"
	}
	o := object{
		{key: "id", title: "Deployment", value: d.Deployment.ID}, {key: "name", title: "Name", value: d.Deployment.Name},
		{key: "state", title: "State", value: state},
		{key: "author", title: "Made by", value: d.Deployment.Author}, {key: "time", title: "Made", value: d.Deployment.Time},
		{key: "remark", title: "Remark", value: d.Deployment.Remark}, {key: "rule", title: "Rule", value: d.Deployment.Rule},
		{key: "undone", value: d.Deployment.Undone},
		{key: "total", title: "Progress", value: pairsObject(d.Total), text: progressText(d.Total)},
		{key: "groups", value: groups}, {key: "updates", value: updates}, {key: "update_ids", value: idsOf(snap, d.Deployment.Updates)},
	}
	if err := a.writeObject(o); err != nil || a.flags.json || a.flags.csv {
		return err
	}
	a.heading("Groups:")
	if err := a.writeList(a.tableOf(groups, "overridden", "unknown"), ""); err != nil || len(updates) == 0 {
		return err
	}
	a.heading("Updates:")
	return a.writeList(a.tableOf(updates, "update", "overridden", "unknown"), "")
}

// progressText says how far a deployment is.
func progressText(p store.Pairs) string {
	if p.Applicable == 0 {
		text := "no computer that has reported needs any of its updates"
		if p.Unknown > 0 {
			text += fmt.Sprintf("; %d not known yet", p.Unknown)
		}
		return text
	}
	parts := []string{fmt.Sprintf("%s: %d of %d installed", percentText(p), p.Installed, p.Applicable)}
	for _, x := range []struct {
		n    int
		word string
	}{{p.Waiting, "waiting"}, {p.Failed, "failed"}, {p.Pending, "pending restart"}, {p.Overridden, "follow another approval"}, {p.Unknown, "not known"}} {
		if x.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", x.n, x.word))
		}
	}
	return strings.Join(parts, ", ")
}
