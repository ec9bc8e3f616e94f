package inspection

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"fettle/model"
	"fettle/store"
	"fettle/sync/metadata"
	"fettle/sync/metadata/applicability"
)

// Inspection is one revision of whatever has a document.
type Inspection struct {
	Ref      store.DocumentRef
	Document *model.Document
	Update   *metadata.Update
	Title    string
	Others   []store.DocumentRef // other revisions and forms that are kept

	Clauses []Clause // what must be installed already
	Members []Member // what it consists of
	Holders []Named  // what consists of it
	Rules   *applicability.Rules
	Problem string // why the rules could not be read; empty otherwise
}

// Named is something that another thing refers to.
type Named struct {
	ID    model.UpdateID
	Title string // empty = not known here
	Kind  model.DocumentKind
	Known bool // its document is kept
}

// Clause is one clause of the prerequisites: any of its members.
type Clause struct {
	Category bool
	Any      []Named
	More     int // members beyond those in Any
}

// Member is a part of a bundle.
type Member struct {
	Named
	Revision uint32
	Clause   int // parts of the same clause are alternatives where AnyOf is set
	AnyOf    bool
	Handler  string // what installs it, such as "Cbs"
	Files    int
	Size     int64
	Restart  model.Restart
}

// mostNamed bounds the names that are looked up for one clause: the product
// clauses of a few detectoids have hundreds.
const mostNamed = 50

// Of inspects an update, a member of one, a detectoid or a category. Errors wrap
// store.ErrNotFound where nothing is kept about it.
func Of(s *store.Store, id model.UpdateID) (*Inspection, error) {
	return newReader(s).inspect(model.UpdateID(strings.ToLower(string(id))), 0)
}

// Revision is Of for one of the vendor's revisions, such as the one that a
// bundle names.
func Revision(s *store.Store, key model.DocumentKey) (*Inspection, error) {
	return newReader(s).inspect(model.UpdateID(strings.ToLower(string(key.ID))), key.Revision)
}

// reader reads documents for one question and remembers them meanwhile.
type reader struct {
	store   *store.Store
	blocks  *store.DocumentReader
	parser  *metadata.Parser
	options metadata.Options
	read    map[model.DocumentKey]*metadata.Update
	snap    *store.Snapshot
}

func newReader(s *store.Store) *reader {
	snap := s.Snapshot()
	return &reader{store: s, blocks: s.NewDocumentReader(), parser: metadata.NewParser(metadata.Limits{}), snap: snap,
		options: metadata.Options{Languages: snap.Settings().Languages}, read: map[model.DocumentKey]*metadata.Update{}}
}

// find gives the reference to a document. Revision 0 means the one that the
// catalogue shows, or else the newest; whole documents say more than fragments.
func (r *reader) find(id model.UpdateID, revision uint32) (ref store.DocumentRef, all []store.DocumentRef, err error) {
	if all, err = r.store.DocumentsOf(id); err != nil {
		return ref, nil, err
	}
	if row := r.snap.RowByID(id); row != nil && revision == 0 {
		if u, err := r.store.Update(row.Number); err == nil {
			revision = u.Document
		}
	}
	for _, d := range all {
		switch {
		case revision != 0 && d.Revision != revision:
		case ref.ID == "" || d.Revision > ref.Revision || d.Revision == ref.Revision && d.Form < ref.Form:
			ref = d
		}
	}
	if ref.ID == "" && revision != 0 && len(all) > 0 { // the exact one is not here; the newest says nearly the same
		ref = slices.MaxFunc(all, func(a, b store.DocumentRef) int { return int(a.Revision) - int(b.Revision) })
	}
	if ref.ID == "" {
		return ref, all, fmt.Errorf("the document of %s: %w", id, store.ErrNotFound)
	}
	return ref, all, nil
}

// parse reads a document.
func (r *reader) parse(ref store.DocumentRef) (*model.Document, *metadata.Update, error) {
	d, err := r.blocks.Document(ref)
	if err != nil {
		return nil, nil, err
	}
	var u *metadata.Update
	if d.Form == model.DocumentWhole {
		u, err = r.parser.Parse(bytes.NewReader(d.Part(model.PartWhole)))
	} else {
		texts := map[string][]byte{}
		for _, p := range d.Parts {
			if lang, ok := strings.CutPrefix(p.Name, model.PartText); ok {
				texts[lang] = p.Data
			}
		}
		u, err = r.parser.ParseFragments(d.Part(model.PartCore), d.Part(model.PartExtended), texts)
	}
	if err != nil {
		return d, nil, fmt.Errorf("reading the document of %s: %w", ref.ID, err)
	}
	return d, u, nil
}

// update gives the parsed document of something, nil where there is none.
func (r *reader) update(id model.UpdateID, revision uint32) *metadata.Update {
	key := model.DocumentKey{ID: id, Revision: revision}
	u, ok := r.read[key]
	if ok {
		return u
	}
	if ref, _, err := r.find(id, revision); err == nil {
		_, u, _ = r.parse(ref) // what cannot be read is not known
	}
	r.read[key] = u
	return u
}

// name names something by the document's title, or the catalogue's.
func (r *reader) name(id model.UpdateID, revision uint32) Named {
	n := Named{ID: id}
	if u := r.update(id, revision); u != nil {
		n.Title, n.Kind, n.Known = u.Title(r.options), u.Type, true
	} else if c, ok := r.snap.Category(model.CategoryID(id)); ok {
		n.Title, n.Kind = c.Title, model.DocumentCategory
	}
	return n
}

func (r *reader) inspect(id model.UpdateID, revision uint32) (*Inspection, error) {
	ref, all, err := r.find(id, revision)
	if err != nil {
		return nil, err
	}
	d, u, err := r.parse(ref)
	if err != nil {
		return nil, err
	}
	in := &Inspection{Ref: ref, Document: d, Update: u, Title: u.Title(r.options)}
	for _, o := range all {
		if o != ref {
			in.Others = append(in.Others, o)
		}
	}
	for _, c := range u.Prerequisites {
		clause := Clause{Category: c.IsCategory, More: max(0, len(c.IDs)-mostNamed)}
		for _, id := range c.IDs[:len(c.IDs)-clause.More] {
			n := r.name(id, 0)
			// Leaves carry their product in a plain clause (update-metadata 2).
			clause.Category = clause.Category || n.Kind == model.DocumentCategory
			clause.Any = append(clause.Any, n)
		}
		in.Clauses = append(in.Clauses, clause)
	}
	for i, c := range u.Bundles {
		for _, m := range c.Members {
			in.Members = append(in.Members, r.member(m, i, c.AnyOf))
		}
	}
	for _, n := range r.store.Holders(ref.ID) {
		if row := r.snap.Row(n); row != nil {
			in.Holders = append(in.Holders, Named{ID: row.ID, Title: row.Title, Known: true})
		}
	}
	switch {
	case len(u.Rules) > 0:
		if in.Rules, err = applicability.Parse(u.Rules); err != nil {
			in.Problem = model.Clean(err.Error())
		}
	case u.RulesSize > 0:
		in.Problem = fmt.Sprintf("they are %d bytes long and are not read", u.RulesSize)
	}
	return in, nil
}

func (r *reader) member(m metadata.Identity, clause int, anyOf bool) Member {
	out := Member{Named: r.name(m.ID, m.Revision), Revision: m.Revision, Clause: clause, AnyOf: anyOf}
	if u := r.update(m.ID, m.Revision); u != nil {
		out.Handler = u.HandlerType
		for _, f := range u.Files {
			out.Files++
			out.Size += f.Size
		}
		if u.Installation != nil {
			out.Restart = u.Installation.Restart
		}
	}
	return out
}

// Fragment gives a part of a document to the byte: "document", "core",
// "extended", "text/LANG" or "eula/LANG". Fragments of a whole document are
// derived from it.
func (in *Inspection) Fragment(name string) ([]byte, error) {
	if part := in.Document.Part(name); part != nil {
		return part, nil
	}
	if in.Document.Form == model.DocumentWhole {
		f, err := metadata.Derive(bytes.NewReader(in.Document.Part(model.PartWhole)))
		if err != nil {
			return nil, fmt.Errorf("deriving the fragments of %s: %w", in.Ref.ID, err)
		}
		switch {
		case name == model.PartCore:
			return f.Core, nil
		case name == model.PartExtended:
			return f.Extended, nil
		}
		for prefix, list := range map[string][]metadata.Fragment{model.PartText: f.Texts, model.PartEula: f.Eulas} {
			for _, x := range list {
				if name == prefix+x.Language {
					return x.Data, nil
				}
			}
		}
	}
	return nil, fmt.Errorf("%s of %s: %w", name, in.Ref.ID, store.ErrNotFound)
}

// Names lists the parts that Fragment gives.
func (in *Inspection) Names() ([]string, error) {
	var names []string
	for _, p := range in.Document.Parts {
		names = append(names, p.Name)
	}
	if in.Document.Form == model.DocumentWhole {
		f, err := metadata.Derive(bytes.NewReader(in.Document.Part(model.PartWhole)))
		if err != nil {
			return names, fmt.Errorf("deriving the fragments of %s: %w", in.Ref.ID, err)
		}
		if f.Core != nil {
			names = append(names, model.PartCore)
		}
		if f.Extended != nil {
			names = append(names, model.PartExtended)
		}
		for _, x := range f.Texts {
			names = append(names, model.PartText+x.Language)
		}
		for _, x := range f.Eulas {
			names = append(names, model.PartEula+x.Language)
		}
	}
	return names, nil
}

// NotKept says whether an error means that nothing is kept about what was asked.
func NotKept(err error) bool { return errors.Is(err, store.ErrNotFound) }
