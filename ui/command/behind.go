package command

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"fettle/model"
	"fettle/store"
	"fettle/sync/inspection"
	"fettle/sync/metadata"
	"fettle/sync/metadata/applicability"
)

// What is behind an update of Microsoft's: its document, the members that it
// consists of, what must be installed before it, and the rules by which a computer
// finds out whether it needs it.

// guid is the form of Microsoft's identifiers, also as registry and documents
// write them.
var guid = regexp.MustCompile(`^\{?[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}\}?$`)

// plainGUID gives the form in which identifiers are kept; other words are given
// back as they are.
func plainGUID(word string) string {
	if !guid.MatchString(word) {
		return word
	}
	return strings.ToLower(strings.Trim(word, "{}"))
}

// inspect reads what is behind an identifier; nil where no document is kept of it.
func inspect(h *host, id model.UpdateID) (*inspection.Inspection, error) {
	in, err := inspection.Of(h.store, id)
	if err != nil && inspection.NotKept(err) {
		return nil, nil
	}
	return in, err
}

// mostMembers bounds the members whose rules are read for one answer.
const mostMembers = 50

// restartWords say when installing something restarts the computer.
func restartWords(r model.Restart) string {
	return [...]string{"unknown", "never", "may", "always"}[min(r, 3)]
}

// namedObject is something that is referred to, for programs.
func namedObject(n inspection.Named) object {
	return object{{key: "id", value: string(n.ID)}, {key: "title", value: n.Title}, {key: "kind", value: n.Kind.String()}, {key: "known", value: n.Known}}
}

// namedText is the same for people: by its title if it has one, and its identifier
// to ask on.
func namedText(n inspection.Named) string {
	if n.Title == "" || strings.EqualFold(n.Title, string(n.ID)) {
		return string(n.ID)
	}
	return model.Clean(n.Title) + "  " + string(n.ID)
}

// behindMembers says what is behind an update, as members of its object.
func (a *app) behindMembers(h *host, in *inspection.Inspection) (object, error) {
	var prerequisites, members, holders, others []object
	var prerequisiteWords, memberWords, holderWords []string
	for _, c := range in.Clauses {
		var any []object
		var titles []string
		for _, n := range c.Any {
			any, titles = append(any, namedObject(n)), append(titles, namedText(n))
		}
		prerequisites = append(prerequisites, object{{key: "any", value: any}, {key: "more", value: c.More}, {key: "category", value: c.Category}})
		if c.Category {
			continue // these are the products, which are said already
		}
		text := strings.Join(titles[:min(len(titles), 3)], "\n  or ")
		if more := len(titles) - 3 + c.More; more > 0 {
			text += fmt.Sprintf("\n  or one of %d others", more)
		}
		prerequisiteWords = append(prerequisiteWords, text)
	}
	clauses := map[int]int{}
	for i, m := range in.Members {
		clauses[m.Clause]++
		rules, problem := []string{}, ""
		if i < mostMembers && m.Known {
			part, err := inspection.Revision(h.store, model.DocumentKey{ID: m.ID, Revision: m.Revision})
			if err != nil && !inspection.NotKept(err) {
				return nil, err
			}
			if part != nil {
				problem = part.Problem
				if part.Rules != nil {
					rules = part.Rules.Lines(0)
				}
			}
		}
		members = append(members, append(namedObject(m.Named), object{{key: "revision", value: m.Revision}, {key: "alternative", value: m.AnyOf}, {key: "clause", value: m.Clause}, {key: "handler", value: m.Handler},
			{key: "files", value: m.Files}, {key: "size", value: m.Size}, {key: "restart", value: restartWords(m.Restart)}, {key: "rules", value: rules}, {key: "rules_problem", value: problem}}...))
		text := namedText(m.Named)
		if m.AnyOf {
			text += "  (alternative)"
		}
		if !m.Known {
			text += "  (its document is not kept)"
		}
		memberWords = append(memberWords, text)
	}
	for _, n := range in.Holders {
		holders, holderWords = append(holders, object{{key: "id", value: string(n.ID)}, {key: "title", value: n.Title}}), append(holderWords, namedText(n))
	}
	for _, o := range in.Others {
		others = append(others, object{{key: "revision", value: o.Revision}, {key: "form", value: formWord(o.Form)}, {key: "upstream", value: o.Upstream}, {key: "sha256", value: hex.EncodeToString(o.SHA256[:])}})
	}
	parts, err := in.Names()
	if err != nil {
		return nil, err
	}
	var rules []string
	if in.Rules != nil {
		rules = in.Rules.Lines(0)
	}
	u := in.Update
	out := object{
		{key: "prerequisites", title: "Needs before it", value: prerequisites, text: shorten(prerequisiteWords, 10)},
		{key: "members", title: "Consists of", value: members, text: shorten(memberWords, 12)},
		{key: "member_of", title: "Part of", value: holders, text: shorten(holderWords, 10)},
		{key: "handler", title: "Installed by", value: u.HandlerType},
		{key: "rules", value: rules}, {key: "rules_problem", title: "Rules", value: in.Problem, text: problemText(in.Problem)},
	}
	if in.Rules != nil {
		out = append(out, member{key: "rules_unknown", value: in.Rules.Unknown()})
	}
	text := fmt.Sprintf("revision %d, %s, %s, from %s\nSHA-256 %s", in.Ref.Revision, formText(in.Ref.Form), size(in.Ref.Size), in.Ref.Upstream, hex.EncodeToString(in.Ref.SHA256[:]))
	if n := len(in.Others); n > 0 {
		text += fmt.Sprintf("\n%s kept besides", plural(n, "another revision or form is", fmt.Sprintf("%d other revisions or forms are", n)))
	}
	return append(out, member{key: "document", title: "Document", text: text, value: object{{key: "revision", value: in.Ref.Revision}, {key: "kind", value: in.Ref.Kind.String()}, {key: "deployable", value: in.Ref.Deployable}, {key: "form", value: formWord(in.Ref.Form)},
		{key: "upstream", value: in.Ref.Upstream}, {key: "sha256", value: hex.EncodeToString(in.Ref.SHA256[:])}, {key: "bytes", value: in.Ref.Size}, {key: "written_id", value: u.Written}, {key: "created", value: u.Created},
		{key: "parts", value: parts}, {key: "others", value: others}}}), nil
}

// problemText says that rules could not be read.
func problemText(problem string) string {
	if problem == "" {
		return ""
	}
	return "cannot be shown: " + problem
}

// shorten joins lines, the first few of many.
func shorten(lines []string, most int) string {
	if more := len(lines) - most; more > 0 {
		lines = append(slices.Clip(lines[:most]), fmt.Sprintf("... and %d more; --json has all", more))
	}
	return strings.Join(lines, "\n")
}

func formWord(f model.DocumentForm) string {
	if f == model.DocumentFragments {
		return "fragments"
	}
	return "whole"
}

func formText(f model.DocumentForm) string {
	if f == model.DocumentFragments {
		return "as fragments"
	}
	return "whole"
}

// behindTables writes the files and rules of an answer as text.
func (a *app) behindTables(in *inspection.Inspection, members []object) error {
	write := func(what string, lines []string) error {
		if len(lines) == 0 {
			return nil
		}
		a.heading("%s", what)
		_, err := io.WriteString(a.s.Out, strings.Join(lines, "\n")+"\n")
		return err
	}
	width := a.s.Size.Width
	if in.Rules != nil {
		if err := write("It applies by these rules:", in.Rules.Lines(width)); err != nil {
			return err
		}
	}
	shown, withRules := 0, 0
	for _, m := range members {
		rules, _ := valueOf(m, "rules").([]string)
		problem, _ := valueOf(m, "rules_problem").(string)
		if len(rules) == 0 && problem == "" {
			continue
		}
		if withRules++; withRules > 4 {
			continue
		}
		shown++
		title, _ := valueOf(m, "title").(string)
		if title == "" {
			title, _ = valueOf(m, "id").(string)
		}
		if problem != "" {
			rules = []string{problemText(problem)}
		} else if width > 0 {
			var wrapped []string
			for _, l := range rules {
				indent := l[:len(l)-len(strings.TrimLeft(l, " "))]
				wrapped = append(wrapped, strings.Split(indent+strings.ReplaceAll(wrapWords(strings.TrimLeft(l, " "), max(cutTo, width-len(indent)-2)), "\n", "\n"+indent+"  "), "\n")...)
			}
			rules = wrapped
		}
		if err := write("Its member "+model.Clean(title)+" applies by these rules:", rules); err != nil {
			return err
		}
	}
	if withRules > shown {
		a.heading("%s rules; to see them name one: fettle update IDENTIFIER", plural(withRules-shown, "One more member has", fmt.Sprintf("%d more members have", withRules-shown)))
	}
	return nil
}

// behindScenes answers about what has a document, but is no update that
// administrators decide about.
func (a *app) behindScenes(h *host, in *inspection.Inspection) error {
	u := in.Update
	what := map[model.DocumentKind]string{
		model.DocumentDetectoid: "a detectoid: a rule that updates have as their prerequisite; it installs nothing",
		model.DocumentCategory:  "a product, what groups products, or a classification",
		model.DocumentDriver:    "a driver that is a part of updates; administrators decide about those",
		model.DocumentSoftware:  "a part of updates; administrators decide about those",
	}[in.Ref.Kind]
	if in.Ref.Kind != model.DocumentDetectoid && in.Ref.Kind != model.DocumentCategory && in.Ref.Deployable {
		what = "an update that is not in the catalogue: its document is kept, but it was not taken in"
	}
	if c, ok := h.store.Snapshot().Category(model.CategoryID(in.Ref.ID)); ok {
		tree := h.store.Snapshot().CategoryTree()
		what = "a " + categoryKindWord(c.Kind) + ": " + categoryPath(tree, c.ID)
	}
	var files []object
	for _, f := range u.Files {
		files = append(files, fileObject(model.File{Name: f.Name, Size: f.Size, SHA1: f.SHA1, SHA256: f.SHA256}))
	}
	restart, input := "", false
	if u.Installation != nil {
		restart, input = restartWords(u.Installation.Restart), u.Installation.Input
	}
	o := object{
		{key: "id", title: "Identifier", value: string(in.Ref.ID)}, {key: "title", title: "Title", value: in.Title}, {key: "behind_the_scenes", value: true},
		{key: "what", title: "Is", value: what}, {key: "kind", value: in.Ref.Kind.String()}, {key: "description", title: "Description", value: descriptionOf(u), text: model.CleanLines(descriptionOf(u))},
		{key: "kb", title: "KB articles", value: u.KB}, {key: "publication", title: "Publication", value: u.Publication.String()}, {key: "language", value: u.Languages},
		{key: "restart", title: "Restart", value: restart}, {key: "input", value: input}, {key: "removable", value: u.Uninstallation != nil},
	}
	more, err := a.behindMembers(h, in)
	if err != nil {
		return err
	}
	o = append(append(o, more...), member{key: "files", value: files})
	if err := a.writeObject(o); err != nil || a.flags.json || a.flags.csv {
		return err
	}
	if err := a.fileTable(files); err != nil {
		return err
	}
	members, _ := valueOf(more, "members").([]object)
	return a.behindTables(in, members)
}

// descriptionOf is the description in the document's own language, or any.
func descriptionOf(u *metadata.Update) string {
	text := ""
	for _, t := range u.Texts {
		if text == "" || strings.EqualFold(t.Language, u.DefaultLanguage) {
			text = t.Description
		}
	}
	return text
}

func fileObject(f model.File) object {
	return object{{key: "name", value: f.Name}, {key: "size", value: f.Size}, {key: "sha1", value: hex.EncodeToString(f.SHA1)}, {key: "sha256", value: hex.EncodeToString(f.SHA256)}, {key: "url", value: f.URL}}
}

// fileTable lists payload files. Digests are left out of a narrow terminal, and
// always in a pipe.
func (a *app) fileTable(files []object) error {
	if len(files) == 0 {
		return nil
	}
	a.heading("Files:")
	text := func(key string) func(object) any { return func(o object) any { return valueOf(o, key) } }
	return a.writeList(list(a, files, []column[object]{
		{key: "name", title: "NAME", give: true, value: text("name")},
		{key: "size", title: "SIZE", right: true, value: text("size"), text: func(o object) string { n, _ := valueOf(o, "size").(int64); return size(n) }},
		{key: "sha1", title: "SHA-1", rank: 2, value: text("sha1")},
		{key: "sha256", title: "SHA-256", rank: 1, value: text("sha256")},
		{key: "url", title: "ADDRESS", rank: 3, value: text("url")},
	}), "")
}

// writeDocument writes a part of a vendor's document to the byte.
func (a *app) writeDocument(in *inspection.Inspection, part string) error {
	names, err := in.Names()
	if err != nil {
		return err
	}
	if part == "text" || part == "eula" {
		part = anyLanguage(names, part+"/", in.Update.DefaultLanguage)
	}
	b, err := in.Fragment(part)
	if inspection.NotKept(err) {
		has := model.Clean(strings.Join(names, ", "))
		if in.Ref.Form == model.DocumentFragments && part == model.PartWhole {
			return fmt.Errorf("the document of %s is not known whole, but as fragments, as offline scan catalogues have them: %s", in.Ref.ID, has)
		}
		return fmt.Errorf("there is no part %s of the document of %s; it has: %s", model.Clean(part), in.Ref.ID, has)
	}
	if err != nil {
		return err
	}
	_, err = a.s.Out.Write(b)
	return err
}

// anyLanguage chooses among the parts that are texts in a language: the document's
// own, English, the first.
func anyLanguage(names []string, prefix, usual string) string {
	names = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !strings.HasPrefix(n, prefix) })
	for _, language := range []string{usual, "en"} {
		if i := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, prefix+language) }); i >= 0 {
			return names[i]
		}
	}
	if len(names) == 0 {
		return strings.TrimSuffix(prefix, "/")
	}
	return names[0]
}

// mostDescription bounds the description of a computer.
const mostDescription = 16 << 20

// describedComputer reads the description of a computer.
func (a *app) describedComputer(ctx context.Context, name string) (*applicability.Computer, error) {
	var in io.Reader = a.s.In
	if name != "-" {
		if a.s.Files == nil {
			return nil, errors.New("this session has no files")
		}
		f, err := a.s.Files.Open(ctx, name)
		if err != nil {
			var refusal *model.Refusal
			if errors.As(err, &refusal) {
				return nil, err
			}
			return nil, fmt.Errorf("opening the description of a computer: %w", err)
		}
		defer f.Close()
		if f.Directory() != nil {
			return nil, misuse("%s is a directory; the description of a computer is a file in TOML or JSON", model.Clean(name))
		}
		in = io.NewSectionReader(f, 0, f.Size())
	} else if a.s.Ask {
		return nil, misuse("standard input is a terminal; give the description of a computer on it: fettle update ID --applies-to - < FILE")
	}
	text, err := io.ReadAll(io.LimitReader(in, mostDescription+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", model.Clean(name), err)
	}
	if len(text) > mostDescription {
		return nil, misuse("%s is larger than the description of a computer may be, %s", model.Clean(name), size(mostDescription))
	}
	c, err := applicability.ReadComputer(text)
	if err == nil {
		err = c.Check()
	}
	if err != nil {
		return nil, misuse("%s does not describe a computer: %w", model.Clean(name), err)
	}
	return c, nil
}

// appliesTo answers whether an update would be installed on a described computer.
func (a *app) appliesTo(ctx context.Context, h *host, id model.UpdateID, title, name string) error {
	c, err := a.describedComputer(ctx, name)
	if err != nil {
		return err
	}
	v, err := inspection.Applies(h.store, id, c)
	if err != nil {
		if inspection.NotKept(err) {
			return fmt.Errorf("no document of %s is kept, so that nothing is known of its rules", model.Clean(string(id)))
		}
		return err
	}
	computer := model.Clean(c.Name)
	if computer == "" {
		computer = name
		if name == "-" {
			computer = "the described computer"
		}
	}
	if a.flags.json || a.flags.csv {
		return a.writeObject(verdictObject(id, title, computer, v))
	}
	say := func(indent, text string) { _ = a.paragraph(a.s.Out, indent, text) }
	say("", fmt.Sprintf("%s: would it be installed on %s? %s", title, computer, verdictText(v)))
	for _, m := range v.Missing {
		var names []string
		for _, n := range m.Any[:min(len(m.Any), 3)] {
			names = append(names, namedText(n))
		}
		text := strings.Join(names, ", or ")
		if more := len(m.Any) - len(names) + m.More; more > 0 {
			text += fmt.Sprintf(", or one of %d others", more)
		}
		say("  ", "Not known to be there, but needed before it: "+text)
	}
	for _, p := range v.Parts {
		if len(v.Parts) > 1 || p.ID != id {
			say("  ", fmt.Sprintf("%s: installed %s, installable %s, needed %s", namedText(p.Named), p.Result.Installed, p.Result.Installable, p.Result.Needed))
		}
		for _, why := range p.Result.Why {
			say("    ", why.String())
		}
	}
	for _, r := range v.Remarks {
		say("  ", "Note: "+r)
	}
	return nil
}

// verdictText is the answer in words.
func verdictText(v *inspection.Verdict) string {
	switch {
	case v.Needed == applicability.Yes:
		return "Yes: it is not installed, and would be offered."
	case v.Needed == applicability.No && v.Installed == applicability.Yes:
		return "No: it is installed already."
	case v.Needed == applicability.No:
		return "No: it does not apply."
	}
	return "Unknown: the description does not state all that its rules ask."
}

func verdictObject(id model.UpdateID, title, computer string, v *inspection.Verdict) object {
	var parts, missing []object
	for _, p := range v.Parts {
		var why []object
		for _, w := range p.Result.Why {
			why = append(why, object{{key: "section", value: string(w.Section)}, {key: "truth", value: w.Truth.String()}, {key: "asks", value: w.Asks}, {key: "found", value: w.Found}, {key: "count", value: w.Count}})
		}
		parts = append(parts, object{{key: "id", value: string(p.ID)}, {key: "title", value: p.Title}, {key: "installed", value: p.Result.Installed.String()}, {key: "superseded", value: p.Result.Superseded.String()},
			{key: "installable", value: p.Result.Installable.String()}, {key: "needed", value: p.Result.Needed.String()}, {key: "why", value: why}})
	}
	for _, m := range v.Missing {
		var any []object
		for _, n := range m.Any {
			any = append(any, namedObject(n))
		}
		missing = append(missing, object{{key: "any", value: any}, {key: "more", value: m.More}, {key: "category", value: m.Category}})
	}
	return object{{key: "id", value: string(id)}, {key: "title", value: title}, {key: "computer", value: computer}, {key: "applies", value: v.Needed.String()}, {key: "installed", value: v.Installed.String()},
		{key: "parts", value: parts}, {key: "missing", value: missing}, {key: "remarks", value: v.Remarks}}
}

// filesOf gives a session's flag that names a file its file, if it has one.
func filesOf(name string) []string {
	if name == "" || name == "-" {
		return nil
	}
	return []string{name}
}

// categoryPaths names the products of an update with what they belong to.
func categoryPaths(snap *store.Snapshot, r *model.UpdateRow) []string {
	tree := snap.CategoryTree()
	var paths []string
	for _, id := range r.Products {
		if path := categoryPath(tree, id); path != "" {
			paths = append(paths, path)
		} else {
			paths = append(paths, string(id))
		}
	}
	return paths
}
