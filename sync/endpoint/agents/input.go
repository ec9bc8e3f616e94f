package agents

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"fettle/model"
	"fettle/sync/agent/protocol"
)

// What one message may hold: several times what an honest computer has. The
// message as a whole was bounded by the transport (protocol.MaxMessage).
const (
	maxPackages  = 50000
	maxSources   = 2000
	maxUpdates   = 20000
	maxItems     = 2000 // of one closure
	maxList      = 1000
	maxAddresses = 32
	maxArchs     = 32
	longName     = 255
	longText     = 1000
	longOutput   = 4000 // of a failure: its text ends with what apt said
)

// tooMuch refuses a list that no honest computer has.
func tooMuch(what string, n, most int) error {
	if n <= most {
		return nil
	}
	return &model.Refusal{Code: "size", What: "The message was refused", Why: fmt.Sprintf("it has %d %s, and at most %d are taken", n, what, most)}
}

// text makes a text from a computer safe to keep: clean and bounded.
func text(s string, most int) string {
	s = model.Clean(s)
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// lines is text that may have several lines.
func lines(s string, most int) string {
	s = model.CleanLines(s)
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// texts cleans a list and drops what is empty or said twice.
func texts(list []string, most int) []string {
	var out []string
	for _, s := range list[:min(len(list), most)] {
		if s = text(s, longText); s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// past bounds a time that a computer gave: its clock may be wrong, and what it
// tells of has happened.
func past(t, now time.Time) time.Time {
	if t.IsZero() || t.Year() < 1990 {
		return time.Time{}
	}
	if t.After(now) {
		return now
	}
	return t.UTC().Truncate(time.Millisecond)
}

var zoneName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$`)

// computer takes over what a report says of the computer itself.
func (s *Server) computer(id model.ComputerID, r *protocol.Report, now time.Time) model.Computer {
	w := &r.Who
	c := model.Computer{
		ID: id, Local: s.local, Platform: model.PlatformLinux, Contacted: now, Reported: now,
		Name: text(w.Name, longName), OS: text(w.OS, longName), Arch: text(w.Arch, 32), Kernel: text(w.Kernel, longName), Agent: text(w.Agent, 64),
		Pending: texts(r.Pending, 100), Foreign: texts(r.Foreign, maxList), Policy: policy(r.Policy), Remarks: texts(r.Remarks, 20),
		Requested: protocol.GroupNames(r.Groups[:min(len(r.Groups), 4*protocol.MaxGroups)]),
		Scan:      model.ScanResult{Time: past(r.Scan.Time, now), Error: text(r.Scan.Error, longText), ListAge: past(r.Scan.ListAge, now), Refresh: text(r.Scan.Refresh, longText)},
	}
	if c.Name == "" {
		c.Name = text(string(id), longName)
	}
	for _, a := range w.Addresses[:min(len(w.Addresses), maxAddresses)] {
		if a = text(a, 64); a != "" {
			c.Addresses = append(c.Addresses, a)
		}
	}
	if w.Role <= model.RoleServer {
		c.Role = w.Role
	}
	if len(w.Zone) <= 64 && zoneName.MatchString(w.Zone) {
		c.Zone = w.Zone
	}
	if next := r.NextCheck; next.After(now) && next.Before(now.Add(31*24*time.Hour)) {
		c.NextCheck = next.UTC().Truncate(time.Millisecond)
	}
	return c
}

// policy takes over what a computer says it obeys. A weekday that does not exist
// would make every schedule computed from it fail.
func policy(p model.Policy) model.Policy {
	valid := func(w *model.WeekTime) *model.WeekTime {
		if w == nil || w.Day < model.EveryDay || w.Day > int(time.Saturday) || w.Minute < 0 || w.Minute >= 24*60 {
			return nil
		}
		return &model.WeekTime{Day: w.Day, Minute: w.Minute}
	}
	out := model.Policy{Install: valid(p.Install), RestartAt: valid(p.RestartAt)}
	if p.Mode <= model.ModeDisabled {
		out.Mode = p.Mode
	}
	if p.Restart <= model.RestartAt {
		out.Restart = p.Restart
	}
	return out
}

// inventory takes over an inventory. Packages outside Debian's grammar are left
// out: nothing can be done with them, and the others are still worth knowing.
func inventory(in *model.Inventory, now time.Time) (*model.Inventory, int, error) {
	for _, err := range []error{
		tooMuch("packages", len(in.Packages), maxPackages), tooMuch("package sources", len(in.Sources), maxSources),
		tooMuch("exceptions", len(in.Exceptions), maxPackages), tooMuch("architectures", len(in.Foreign), maxArchs),
	} {
		if err != nil {
			return nil, 0, err
		}
	}
	out := &model.Inventory{Time: past(in.Time, now)}
	if out.Time.IsZero() {
		out.Time = now
	}
	if model.CheckPackage("xx", in.Arch, "0") != nil {
		return nil, 0, &model.Refusal{Code: "inventory", What: "The inventory was refused", Why: "it names no native architecture"}
	}
	out.Arch = in.Arch
	for _, a := range in.Foreign {
		if model.CheckPackage("xx", a, "0") == nil {
			out.Foreign = append(out.Foreign, a)
		}
	}
	out.Packages = make([]model.InstalledPackage, 0, len(in.Packages))
	for _, p := range in.Packages {
		if model.CheckPackage(p.Name, p.Arch, p.Version) != nil || p.State > model.PackageTriggers {
			continue
		}
		p.Source, p.SourceVersion = text(p.Source, longName), text(p.SourceVersion, longName)
		out.Packages = append(out.Packages, p)
	}
	slices.SortStableFunc(out.Packages, func(a, b model.InstalledPackage) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Arch, b.Arch))
	})
	out.Packages = slices.CompactFunc(out.Packages, func(a, b model.InstalledPackage) bool { return a.Name == b.Name && a.Arch == b.Arch })
	for _, s := range in.Sources {
		s.Archive, s.Codename, s.Suite, s.Label = text(s.Archive, longName), text(s.Codename, longName), text(s.Suite, longName), text(s.Label, longName)
		s.Component, s.Arch, s.Site = text(s.Component, longName), text(s.Arch, longName), text(s.Site, longName)
		s.Priority = min(max(s.Priority, -32768), 32767) // apt's own range
		out.Sources = append(out.Sources, s)
	}
	for _, x := range in.Exceptions {
		if model.CheckPackage(x.Package, x.Arch, x.Candidate) != nil || x.State > model.NeedBroken {
			continue
		}
		x.Reason = text(x.Reason, longText)
		out.Exceptions = append(out.Exceptions, x)
	}
	return out, len(in.Packages) - len(out.Packages), nil
}

// packages takes over a list of needed packages, each named once, without
// updates: these are the server's to say.
func packages(in []model.NeededPackage) ([]model.NeededPackage, error) {
	if err := tooMuch("needed packages", len(in), maxUpdates); err != nil {
		return nil, err
	}
	out := make([]model.NeededPackage, 0, len(in))
	for _, n := range in {
		if model.CheckPackage(n.Package, n.Arch, n.Candidate) != nil || n.State > model.NeedBroken ||
			(n.Installed != "" && model.CheckPackage(n.Package, n.Arch, n.Installed) != nil) {
			continue
		}
		n.Update, n.Reason = "", text(n.Reason, longText)
		out = append(out, n)
	}
	slices.SortStableFunc(out, comparePackages)
	return slices.CompactFunc(out, func(a, b model.NeededPackage) bool { return comparePackages(a, b) == 0 }), nil
}

func comparePackages(a, b model.NeededPackage) int {
	return cmp.Or(cmp.Compare(a.Package, b.Package), cmp.Compare(a.Arch, b.Arch))
}

// closures takes over what a computer says installing updates would do there.
// Only updates for which known says true are kept.
func closures(in []model.Closure, known func(model.UpdateID) bool) ([]model.Closure, error) {
	if err := tooMuch("closures", len(in), maxUpdates); err != nil {
		return nil, err
	}
	var out []model.Closure
	seen := map[model.UpdateID]bool{}
	for _, c := range in {
		if seen[c.Update] || !known(c.Update) {
			continue
		}
		if err := tooMuch("packages in one closure", len(c.Items), maxItems); err != nil {
			return nil, err
		}
		seen[c.Update] = true
		k := model.Closure{Update: c.Update, Error: text(c.Error, longText), Removes: texts(c.Removes, maxList)}
		if len(c.Removes) > 0 && len(k.Removes) == 0 {
			k.Removes = []string{"packages without a name"} // a removal stays one
		}
		for _, id := range c.Needs[:min(len(c.Needs), maxList)] {
			if id != c.Update && !slices.Contains(k.Needs, id) && len(id) <= longText {
				k.Needs = append(k.Needs, id)
			}
		}
		for _, it := range c.Items {
			err := model.CheckPackage(it.Package, it.Arch, it.To)
			if err == nil && it.From != "" {
				err = model.CheckPackage(it.Package, it.Arch, it.From)
			}
			if err != nil {
				// Without the item the closure would be another one: none at all.
				k.Error, k.Items = err.Error(), nil
				break
			}
			if !known(it.Update) {
				it.Update = c.Update
			}
			it.SHA256, it.Size = nil, 0 // the catalogue's are used, never the computer's
			if it.Reason > model.ItemNew {
				it.Reason = model.ItemNew
			}
			k.Items = append(k.Items, it)
		}
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b model.Closure) int { return cmp.Compare(a.Update, b.Update) })
	return out, nil
}

// failures takes over what went wrong.
func failures(in []model.Failure, now time.Time) []model.Failure {
	var out []model.Failure
	for _, f := range in[:min(len(in), maxUpdates)] {
		out = append(out, failure(f, now))
	}
	return out
}

func failure(f model.Failure, now time.Time) model.Failure {
	if f.Time = past(f.Time, now); f.Time.IsZero() {
		f.Time = now
	}
	f.Code, f.Text = text(f.Code, 40), lines(f.Text, longOutput)
	if f.Code == "" {
		f.Code = "unknown"
	}
	return f
}
