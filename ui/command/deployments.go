package command

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/spf13/cobra"

	"fettle/model"
	"fettle/store"
)

func (a *app) deploymentsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "deployments",
		Short: "List deployments with their progress",
		Long: `List deployments with their progress: pairs of a computer and an update. Progress
is what is installed, of the pairs to which the update applies; pairs whose status
is not known are no part of that, and stand beside it.`,
		Args: between(0, 0, ""),
		RunE: a.held(gated, func(_ context.Context, h *host, _ []string) error {
			snap := h.store.Snapshot()
			type row = *store.Deploying
			var all []row
			for _, d := range snap.Deployments() {
				all = append(all, snap.Progress(d.ID, h.store.Now()))
			}
			count := func(key, title string, rank int, get func(store.Pairs) int) column[row] {
				return column[row]{key: key, title: title, right: true, rank: rank, value: func(d row) any { return get(d.Total) }}
			}
			return a.writeList(list(a, all, []column[row]{
				{key: "id", title: "ID", aloud: "deployment", right: true, value: func(d row) any { return d.Deployment.ID }},
				{key: "name", title: "NAME", give: true, value: func(d row) any { return d.Deployment.Name }},
				{key: "percent", title: "INSTALLED", right: true, value: func(d row) any { return share(d.Total.Installed, d.Total.Applicable) }, text: func(d row) string { return shareText(d.Total.Installed, d.Total.Applicable) }},
				count("applicable", "", 0, func(p store.Pairs) int { return p.Applicable }),
				count("installed", "", 0, func(p store.Pairs) int { return p.Installed }),
				count("waiting", "WAITING", 2, func(p store.Pairs) int { return p.Waiting }),
				count("failed", "FAILED", 1, func(p store.Pairs) int { return p.Failed }),
				count("pending_restart", "RESTART", 5, func(p store.Pairs) int { return p.Pending }),
				count("overridden", "", 0, func(p store.Pairs) int { return p.Overridden }),
				count("unknown", "UNKNOWN", 1, func(p store.Pairs) int { return p.Unknown }),
				{key: "updates", title: "UPDATES", right: true, rank: 6, value: func(d row) any { return len(d.Deployment.Updates) }},
				{key: "groups", title: "GROUPS", give: true, rank: 3, value: func(d row) any { return deploymentGroups(snap, d.Deployment) }},
				{key: "time", title: "MADE", rank: 7, value: func(d row) any { return d.Deployment.Time }},
				{key: "author", title: "BY", rank: 8, value: func(d row) any { return d.Deployment.Author }},
				{key: "rule", title: "RULE", give: true, rank: 9, value: func(d row) any { return d.Deployment.Rule }},
				{key: "undone", aloud: "taken back", value: func(d row) any { return d.Deployment.Undone }},
				{key: "remark", value: func(d row) any { return d.Deployment.Remark }},
			}), "Nothing was deployed yet. Approve updates with: fettle approve QUERY --group GROUP")
		}),
	}
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
		{key: "waiting", value: p.Waiting}, {key: "overridden", value: p.Overridden}, {key: "unknown", value: p.Unknown}, {key: "percent", value: share(p.Installed, p.Applicable)}}
}

func (a *app) deploymentCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "deployment ID",
		Short: "Show one deployment: progress per group, update and computer, and where it failed",
		Long: `Show one deployment: who made it and why, its progress per group, per update and
per computer, and each failure with what its code means and what helps. Progress
is what is installed, of the pairs of a computer and an update to which the update
applies; pairs whose status is not known are no part of that.`,
		Args: between(1, 1, "the number of a deployment"),
		RunE: a.held(gated, func(_ context.Context, h *host, args []string) error {
			id, err := strconv.ParseUint(args[0], 10, 64)
			if err != nil {
				return misuse("%q is not the number of a deployment; list them with: fettle deployments", model.Clean(args[0]))
			}
			snap := h.store.Snapshot()
			d := snap.Progress(id, h.store.Now())
			if d == nil {
				return fmt.Errorf("there is no deployment %d; list them with: fettle deployments", id)
			}
			return a.deployment(h, snap, d)
		}),
	}
}

// deployed is one computer's part of a deployment.
type deployed struct {
	computer *model.Computer
	why      model.UnknownReason
	pairs    store.Pairs
}

// perComputer counts a deployment's pairs by computer, those that need somebody
// first. It goes through the states that stay small update by update, and
// through what is installed computer by computer, so that a large deployment
// does not mean a look at each pair.
func perComputer(snap *store.Snapshot, d *model.Deployment, now time.Time) []*deployed {
	scope := roaring.New()
	for _, g := range d.Groups {
		if g.Action == model.ActionInstall {
			scope.Or(snap.Members(g.Group))
		}
	}
	var live []uint32
	for _, u := range d.Updates {
		if r := snap.Row(u); r != nil && !r.Has(model.FlagDeclined) {
			live = append(live, u)
		}
	}
	updates := roaring.BitmapOf(live...)
	at := map[uint32]*deployed{}
	var all []*deployed
	for it := scope.Iterator(); it.HasNext(); {
		n := it.Next()
		x := &deployed{computer: snap.Computer(n), why: snap.Unknown(n, now)}
		// What came after the report is unknown: from some update on, all are.
		known, _ := slices.BinarySearchFunc(live, true, func(u uint32, _ bool) int {
			if snap.State(n, u) == model.StateUnknown {
				return 0
			}
			return -1
		})
		x.pairs.Unknown = len(live) - known
		installed := roaring.BitmapOf(snap.InstalledOn(n)...)
		x.pairs.Installed = int(installed.AndCardinality(updates))
		x.pairs.Applicable = x.pairs.Installed
		at[n] = x
		all = append(all, x)
	}
	for _, u := range live {
		var ours *roaring.Bitmap
		for _, n := range snap.NeededOn(u, model.GroupAll) {
			x := at[n]
			if x == nil {
				continue
			}
			if ours == nil {
				ours = roaring.New()
				for _, o := range snap.Outcomes(u, scope) {
					if o.Deployment == d.ID && o.Action == model.ActionInstall {
						ours.Or(o.Computers)
					}
				}
			}
			if !ours.Contains(n) {
				x.pairs.Overridden++
				continue
			}
			x.pairs.Applicable++
			switch snap.State(n, u) {
			case model.StateFailed:
				x.pairs.Failed++
			case model.StateInstalledPendingReboot:
				x.pairs.Pending++
			default:
				x.pairs.Waiting++
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *deployed) int {
		return cmp.Or(-cmp.Compare(min(1, a.pairs.Failed), min(1, b.pairs.Failed)), -cmp.Compare(a.pairs.Waiting+a.pairs.Pending, b.pairs.Waiting+b.pairs.Pending),
			-cmp.Compare(a.pairs.Unknown, b.pairs.Unknown), strings.Compare(strings.ToLower(a.computer.Name), strings.ToLower(b.computer.Name)))
	})
	return all
}

// shownComputers is how many computers of a deployment are listed in text:
// those that need somebody come first.
const shownComputers = 200

// failuresOf reads the failures of a deployment's updates, with their meaning.
func failuresOf(h *host, snap *store.Snapshot, d *store.Deploying) ([]object, error) {
	var rows []object
	status := map[uint32]*model.Status{}
	for _, u := range d.Updates {
		r := snap.Row(u.Update)
		for _, n := range u.Failed {
			c := snap.Computer(n)
			if c == nil || r == nil {
				continue
			}
			if status[n] == nil {
				st, err := h.store.Status(n)
				if err != nil {
					return nil, err
				}
				status[n] = st
			}
			f := model.Failure{Update: r.ID, Code: "", Text: "the computer did not say why"}
			for _, x := range status[n].Failures {
				if x.Update == r.ID {
					f = x
				}
			}
			rows = append(rows, append(object{{key: "computer", value: c.Name}, {key: "title", value: r.Title}}, failureObject(f)...))
		}
	}
	return rows, nil
}

// failureObject is a failure with what its code means, for programs.
func failureObject(f model.Failure) object {
	meaning, remedy := model.FailureMeaning(f.Code)
	return object{{key: "update", value: string(f.Update)}, {key: "time", value: f.Time}, {key: "code", value: f.Code}, {key: "text", value: f.Text}, {key: "meaning", value: meaning}, {key: "remedy", value: remedy}}
}

// writeFailures says where something failed, what its code means and what
// helps. who are the keys of what names the place.
func (a *app) writeFailures(rows []object, who ...string) error {
	get := func(o object, key string) string { return a.plain(a.present(valueOf(o, key))) }
	for _, o := range rows {
		var place []string
		for _, key := range who {
			place = append(place, get(o, key))
		}
		text := strings.Join(place, ", ")
		if t := get(o, "time"); t != "" {
			text += ", " + t
		}
		text += ": "
		meaning, code, said := get(o, "meaning"), get(o, "code"), get(o, "text")
		switch {
		case meaning != "" && code != "":
			text += fmt.Sprintf("%s (%s). %s", meaning, code, sentence(said))
		case code != "":
			text += fmt.Sprintf("%s (%s).", strings.TrimSuffix(said, "."), code)
		default:
			text += sentence(said)
		}
		if remedy := get(o, "remedy"); remedy != "" {
			text += " To remedy: " + remedy + "."
		}
		if err := a.paragraph(a.s.Out, "", text); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) deployment(h *host, snap *store.Snapshot, d *store.Deploying) error {
	var groups, updates, computers []object
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
	var unknown unknowns
	for _, x := range perComputer(snap, d.Deployment, h.store.Now()) {
		if x.pairs.Applicable+x.pairs.Overridden+x.pairs.Unknown == 0 {
			continue
		}
		why := ""
		if x.pairs.Unknown > 0 {
			unknown.add(x.why, x.pairs.Unknown)
			why = x.why.String()
		}
		o := append(object{{key: "computer", value: x.computer.Name}}, pairsObject(x.pairs)...)
		computers = append(computers, append(o, member{key: "why", value: why}))
	}
	failures, err := failuresOf(h, snap, d)
	if err != nil {
		return err
	}
	state := "in force"
	if d.Deployment.Undone {
		state = "taken back"
	}
	o := object{
		{key: "id", title: "Deployment", value: d.Deployment.ID}, {key: "name", title: "Name", value: d.Deployment.Name},
		{key: "state", title: "State", value: state},
		{key: "author", title: "Made by", value: d.Deployment.Author}, {key: "time", title: "Made", value: d.Deployment.Time},
		{key: "rule", title: "Rule", value: d.Deployment.Rule}, {key: "remark", title: "Remark", value: d.Deployment.Remark},
		{key: "undone", value: d.Deployment.Undone},
		{key: "total", title: "Progress", value: append(pairsObject(d.Total), member{key: "unknown_because", value: unknown.object()}), text: progressText(d.Total, unknown)},
		{key: "groups", value: groups}, {key: "updates", value: updates}, {key: "computers", value: computers}, {key: "failures", value: failures},
		{key: "update_ids", value: idsOf(snap, d.Deployment.Updates)},
	}
	if err := a.writeObject(o); err != nil || a.flags.json || a.flags.csv {
		return err
	}
	for _, part := range []struct {
		title, name string
		rows        []object
	}{{"Per group:", "group", groups}, {"Per update:", "title", updates}, {"Per computer:", "computer", computers}} {
		if len(part.rows) == 0 {
			continue
		}
		a.heading("%s", part.title)
		more := max(0, len(part.rows)-shownComputers)
		if err := a.writeList(a.progressTable(part.name, part.rows[:len(part.rows)-more]), ""); err != nil {
			return err
		}
		if more > 0 {
			fmt.Fprintf(a.s.Out, "... and %d more; --json has all.\n", more)
		}
	}
	if len(failures) > 0 {
		a.heading("Failures:")
		return a.writeFailures(failures, "computer", "title")
	}
	return nil
}

// valueOf gives a member of an object.
func valueOf(o object, key string) any {
	for _, m := range o {
		if m.key == key {
			return m.value
		}
	}
	return nil
}

// progressTable shows pairs for people: the percentage with its base, and what
// it leaves out beside it.
func (a *app) progressTable(name string, rows []object) *table {
	number := func(key, title string, rank int) column[object] {
		return column[object]{key: key, title: title, right: true, rank: rank, value: func(o object) any { return valueOf(o, key) }}
	}
	columns := []column[object]{
		{key: name, title: strings.ToUpper(name), give: true, value: func(o object) any { return valueOf(o, name) }},
		{key: "percent", title: "INSTALLED", right: true, value: func(o object) any { return valueOf(o, "percent") }, text: func(o object) string {
			return shareText(valueOf(o, "installed").(int), valueOf(o, "applicable").(int))
		}},
		number("failed", "FAILED", 0), number("waiting", "WAITING", 0), number("pending_restart", "RESTART", 3), number("unknown", "UNKNOWN", 0), number("overridden", "OTHER APPROVAL", 4),
	}
	switch name {
	case "group":
		columns = append(columns, column[object]{key: "action", title: "ACTION", rank: 1, value: func(o object) any { return valueOf(o, "action") }},
			column[object]{key: "deadline", title: "DEADLINE", rank: 2, value: func(o object) any { return valueOf(o, "deadline") }})
	case "computer":
		columns = append(columns, column[object]{key: "why", title: "UNKNOWN BECAUSE", rank: 1, value: func(o object) any { return valueOf(o, "why") }})
	}
	return list(a, rows, columns)
}

// progressText says how far a deployment is: its base, and what is not known
// and why.
func progressText(p store.Pairs, unknown unknowns) string {
	text := "no computer that has reported needs any of its updates"
	if p.Applicable > 0 {
		text = fmt.Sprintf("%s: %d of %s to which it applies", percentWord(p.Installed, p.Applicable), p.Installed, count(p.Applicable, "installation"))
	}
	for _, x := range []struct {
		n    int
		word string
	}{{p.Waiting, "waiting"}, {p.Failed, "failed"}, {p.Pending, "pending restart"}, {p.Overridden, "follow another approval"}} {
		if x.n > 0 {
			text += fmt.Sprintf(", %d %s", x.n, x.word)
		}
	}
	if p.Unknown > 0 {
		text += fmt.Sprintf("; not known: %d", p.Unknown)
		if why := unknown.text(); why != "" {
			text += " (" + why + ")"
		}
	}
	return text
}
