package console

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/sync/inspection"
	"fettle/sync/metadata"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
)

// newInspection shows a document that is behind an update: a member of it, a
// detectoid, a category. Revision 0 means the one that the catalogue shows.
func newInspection(c *Console, key model.DocumentKey) pane {
	p := newTextPane(c, "what is behind it")
	p.scope = keys.Inspection
	p.still = true
	p.folds = &folds{}
	p.pages = func(_ context.Context, s scribe, w int) (*page, error) {
		in, err := s.inspect(key)
		if err != nil {
			return nil, err
		}
		return s.inspectionPage(in, p.folds, w), nil
	}
	p.acts = func(a keys.Action) tea.Cmd {
		if a == keys.Copy {
			return c.copy(string(key.ID))
		}
		return nil
	}
	return p
}

// inspect reads a document. The error of one that is not kept says so.
func (s scribe) inspect(key model.DocumentKey) (*inspection.Inspection, error) {
	var in *inspection.Inspection
	var err error
	if key.Revision == 0 {
		in, err = inspection.Of(s.store, key.ID)
	} else {
		in, err = inspection.Revision(s.store, key)
	}
	if err != nil && inspection.NotKept(err) {
		return nil, fmt.Errorf("the document of %s is not kept here: its upstream did not bring it", model.Clean(string(key.ID)))
	}
	return in, err
}

// behindUpdate is what is behind an update of the catalogue.
func (s scribe) behindUpdate(number uint32, f *folds, w int) (*page, error) {
	r := s.store.Snapshot().Row(number)
	if r == nil {
		return &page{}, nil
	}
	in, err := inspection.Of(s.store, r.ID)
	var p page
	switch {
	case err != nil && inspection.NotKept(err):
		p.head("DOCUMENT")
		p.add("Its upstream brought no document of the vendor's: members, prerequisites and rules are not known here.")
		return &p, nil
	case err != nil:
		return nil, err
	}
	s.behind(&p, in, f, w)
	return &p, nil
}

// inspectionPage writes everything about a document.
func (s scribe) inspectionPage(in *inspection.Inspection, f *folds, w int) *page {
	u := in.Update
	p := page{title: layout.Cut(model.Clean(in.Title), 50, s.styles.Glyphs.Tail), lines: []string{in.Title, ""}}
	p.fact("Identifier", string(in.Ref.ID))
	p.fact("Kind", documentKind(in))
	p.fact("State", choose(u.Publication == model.Published, "", u.Publication.String()))
	p.fact("Handler", handlerText(u.HandlerType))
	p.fact("KB", strings.Join(u.KB, ", "))
	p.fact("Languages", languagesText(u.Languages))
	s.behaviour(&p, "Installing", u.Installation)
	s.behaviour(&p, "Uninstalling", u.Uninstallation)
	if c := u.Category; c != nil {
		p.fact("Category", [...]string{"product", "family", "company", "classification"}[min(int(c.Kind), 3)])
		p.fact("Automatic", choose(c.ExcludedByDefault, "its vendor would leave it out of automatic selection", ""))
	}
	p.fact("Hardware", choose(len(u.Drivers) > 0, counted(len(u.Drivers), "identifier", "identifiers"), ""))
	if len(u.Files) > 0 {
		p.head("FILES")
		for _, f := range u.Files[:min(len(u.Files), shownFiles)] {
			p.add("%s  %s%s", f.Name, size(f.Size), choose(f.PatchingType != "" && f.PatchingType != "SelfContained", ", "+f.PatchingType, ""))
			hexLine(&p, "SHA-256", f.SHA256)
			hexLine(&p, "SHA-1", f.SHA1)
		}
		if n := len(u.Files) - shownFiles; n > 0 {
			p.add("and %s more", count(n))
		}
	}
	s.behind(&p, in, f, w)
	if d := description(u, s.store.Snapshot().Settings().Languages); d != "" {
		p.head("DESCRIPTION")
		for l := range strings.SplitSeq(d, "\n") {
			p.add("%s", l)
		}
	}
	return &p
}

// documentKind says what a document is, and whether administrators see it.
func documentKind(in *inspection.Inspection) string {
	kind := in.Ref.Kind.String()
	switch {
	case in.Ref.Deployable:
		return kind + ", which is approved and declined"
	case in.Ref.Kind == model.DocumentDetectoid:
		return kind + ": a rule that others have as their prerequisite"
	case in.Ref.Kind == model.DocumentCategory:
		return kind
	}
	return kind + ", which is not decided about by itself"
}

// handlerText says what installs something on a computer.
func handlerText(handler string) string {
	switch handler {
	case "", "Category":
		return ""
	case "Cbs":
		return "component based servicing (Cbs)"
	case "CommandLineInstallation":
		return "a program that is run (CommandLineInstallation)"
	case "MsiPatch", "WindowsPatch", "MsiInstallation":
		return "Windows Installer (" + handler + ")"
	case "WindowsSetup", "OSInstaller":
		return "the setup of Windows (" + handler + ")"
	case "WindowsDriver":
		return "driver installation (WindowsDriver)"
	}
	return handler
}

// behaviour says how an installation or a removal behaves.
func (s scribe) behaviour(p *page, name string, b *metadata.Behavior) {
	if b == nil {
		return
	}
	words := []string{[...]string{"restart not stated", "never restarts", "may restart", "always restarts"}[min(int(b.Restart), 3)]}
	if b.Input {
		words = append(words, "may ask the user something")
	}
	if b.Network {
		words = append(words, "needs the network")
	}
	if b.Impact != "" && b.Impact != "Normal" {
		words = append(words, "impact "+b.Impact)
	}
	p.fact(name, strings.Join(words, ", "))
}

// description is the description in the best language.
func description(u *metadata.Update, languages []string) string {
	for _, l := range append(append([]string{}, languages...), u.DefaultLanguage, "en") {
		for _, t := range u.Texts {
			if strings.EqualFold(t.Language, l) && t.Description != "" {
				return t.Description
			}
		}
	}
	return ""
}

// behind writes what a document refers to, what it asks for, and where it comes
// from.
func (s scribe) behind(p *page, in *inspection.Inspection, f *folds, w int) {
	s.members(p, in)
	s.prerequisites(p, in)
	if in.Rules != nil && !in.Rules.Empty() || in.Problem != "" {
		p.head("APPLICABILITY RULES")
		p.rules(in, w, "  ")
	} else if len(in.Members) > 0 {
		s.memberRules(p, in, f, w)
	}
	if len(in.Holders) > 0 {
		p.head("PART OF")
		for _, h := range in.Holders {
			s.named(p, h, 0, "")
		}
	}
	s.origin(p, in)
}

// rules writes what rules ask for.
func (p *page) rules(in *inspection.Inspection, w int, lead string) {
	if in.Problem != "" {
		p.lines = append(p.lines, lead+"! They could not be read: "+in.Problem)
		return
	}
	if in.Rules == nil || in.Rules.Empty() {
		p.lines = append(p.lines, lead+"none")
		return
	}
	for _, l := range in.Rules.Lines(max(30, min(w, ruleWidth)-len(lead))) {
		p.lines = append(p.lines, lead+l)
	}
}

// shownRules is of how many members the rules are shown with the bundle, until
// somebody unfolds them.
const shownRules = 3

// foldRules is the part of a page with the rules of the other members.
const foldRules = "rules"

// memberRules writes the rules of a bundle, which are those of its members.
func (s scribe) memberRules(p *page, in *inspection.Inspection, f *folds, w int) {
	p.head("APPLICABILITY RULES")
	shown, known := 0, 0
	for _, m := range in.Members {
		if m.Known {
			known++
		}
	}
	for _, m := range in.Members {
		if shown == shownRules && !f.isOpen(foldRules) {
			break
		}
		if !m.Known {
			continue
		}
		shown++
		if len(in.Members) > 1 || m.Title != in.Title {
			p.add("Of %s:", orWord(m.Title, string(m.ID)))
		} else {
			p.add("Of what it consists of:")
		}
		x, err := s.inspect(model.DocumentKey{ID: m.ID, Revision: m.Revision})
		if err != nil {
			p.lines = append(p.lines, "    ! "+err.Error())
			continue
		}
		p.rules(x, w, "    ")
	}
	if known > shownRules {
		p.folded(s, f, foldRules, known-shown, "more member's rules", "more members' rules")
	}
	if shown == 0 {
		p.add("They are those of its members, whose documents are not kept here.")
	}
}

// ruleWidth is the widest that rules are wrapped to: longer lines are hard to
// read.
const ruleWidth = 100

// members writes what a bundle consists of.
func (s scribe) members(p *page, in *inspection.Inspection) {
	if len(in.Members) == 0 {
		return
	}
	p.head("CONSISTS OF")
	clause := -1
	for _, m := range in.Members {
		if m.Clause != clause {
			clause = m.Clause
			if m.AnyOf {
				p.add("of these, those that apply to the computer:")
			}
		}
		facts := nonEmpty(fmt.Sprintf("revision %d", m.Revision), m.Handler)
		if m.Files > 0 {
			facts = append(facts, counted(m.Files, "file", "files"), size(m.Size))
		}
		facts = append(facts, nonEmpty([...]string{"", "no restart", "may restart", "restarts"}[min(int(m.Restart), 3)])...)
		s.named(p, m.Named, m.Revision, strings.Join(facts, s.styles.Glyphs.Dot))
	}
}

// named writes something that another thing refers to, with facts below it.
func (s scribe) named(p *page, n inspection.Named, revision uint32, facts string) {
	title := orWord(n.Title, string(n.ID))
	if n.Title == "" {
		title += " (not kept here)"
	}
	if n.Known {
		p.link(s, target{key: model.DocumentKey{ID: n.ID, Revision: revision}}, "%s", title)
	} else {
		p.lines = append(p.lines, "    "+title)
	}
	if facts != "" {
		p.lines = append(p.lines, "      "+facts)
	}
}

// prerequisites writes what must be installed already, clause by clause.
func (s scribe) prerequisites(p *page, in *inspection.Inspection) {
	if len(in.Clauses) == 0 {
		return
	}
	p.head("PREREQUISITES")
	for _, c := range in.Clauses {
		if len(c.Any)+c.More > 1 {
			p.add("any of these %s%s:", count(len(c.Any)+c.More), choose(c.Category, " categories", ""))
		}
		for _, n := range c.Any {
			word := n.Kind.String()
			if !n.Known {
				word = ""
			}
			if word != "" && n.Title != "" {
				n.Title += " (" + word + ")"
			}
			s.named(p, n, 0, "")
		}
		if c.More > 0 {
			p.lines = append(p.lines, "    and "+count(c.More)+" more")
		}
	}
}

// origin writes where a document comes from, with the ways to see it as it was
// published.
func (s scribe) origin(p *page, in *inspection.Inspection) {
	ref := in.Ref
	p.head("DOCUMENT")
	p.fact("Upstream", ref.Upstream)
	p.fact("Revision", fmt.Sprintf("%d, as its vendor counts them", ref.Revision))
	form := "one whole document"
	if ref.Form == model.DocumentFragments {
		form = "fragments"
	}
	p.fact("Form", form+", "+size(ref.Size))
	p.lines = append(p.lines, "  SHA-256 "+hang+hex.EncodeToString(ref.SHA256[:]))
	if !in.Update.Created.IsZero() {
		p.fact("Created", s.date(in.Update.Created))
	}
	names, err := in.Names()
	for _, n := range names {
		p.link(s, target{key: ref.DocumentKey, part: n}, "%s", partTitle(n, in.Document.Part(n) != nil))
	}
	if err != nil {
		p.add("! %s", err.Error())
	}
	if len(in.Others) > 0 {
		p.head("OTHER REVISIONS AND FORMS")
		for _, o := range in.Others {
			form := choose(o.Form == model.DocumentFragments, "fragments", "whole")
			p.link(s, target{key: o.DocumentKey}, "revision %d from %s, %s, %s", o.Revision, o.Upstream, form, size(o.Size))
		}
	}
}

// partTitle names a part of a document for people.
func partTitle(name string, published bool) string {
	title := name
	switch {
	case name == model.PartWhole:
		title = "the document as it was published"
	case name == model.PartCore:
		title = "core fragment"
	case name == model.PartExtended:
		title = "extended fragment"
	case strings.HasPrefix(name, model.PartText):
		title = "texts in " + strings.TrimPrefix(name, model.PartText)
	case strings.HasPrefix(name, model.PartEula):
		title = "licence terms in " + strings.TrimPrefix(name, model.PartEula)
	}
	if !published {
		title += ", derived from the document"
	}
	return title
}

// newOriginal shows a part of a document as it was published: laid out anew, and
// without control characters.
func newOriginal(c *Console, key model.DocumentKey, part string) pane {
	p := newTextPane(c, partTitle(part, true))
	p.still = true
	p.load = func(_ context.Context, s scribe, w int) ([]string, error) {
		in, err := s.inspect(key)
		if err != nil {
			return nil, err
		}
		data, err := in.Fragment(part)
		if err != nil {
			return nil, err
		}
		lines := []string{fmt.Sprintf("%s, revision %d: %s", in.Title, in.Ref.Revision, part)}
		if len(data) > shownOriginal {
			lines = append(lines, fmt.Sprintf("The first %s of %s; blanks between elements are not those of the original.", size(shownOriginal), size(int64(len(data)))))
			data = data[:shownOriginal]
		} else {
			lines = append(lines, size(int64(len(data)))+"; blanks between elements are not those of the original.")
		}
		return append(append(lines, ""), layout.XML(string(data))...), nil
	}
	return p
}

// shownOriginal bounds what of a document is laid out: some have 47 MB.
const shownOriginal = 1 << 20
