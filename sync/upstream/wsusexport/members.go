package wsusexport

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"fettle/model"
	"fettle/sync/metadata"
)

// members remembers of each document what a bundle that holds it needs, packed:
// a server knows hundreds of thousands, and any of them may be a member.
type members struct {
	at     map[revision]memberAt
	chunks [][]byte
}

// memberAt is where a packed member is.
type memberAt struct {
	chunk, offset uint32
	length        uint32
	bundle        bool     // it has members of its own
	settled       bool     // everything that it names had been seen before it
	kept, other   bool     // the store had a document of it; keeps another one than this
	plain         [32]byte // see batchRecord
}

// chunkSize is how much packed members share one piece of memory.
const chunkSize = 1 << 20

// member is the packed form. Texts, rules and hardware are left out: a bundle
// speaks for itself, and the digest stands for the rules.
type member struct {
	_              struct{} `cbor:",toarray"`
	Type           model.DocumentKind
	Deployable     bool
	Handler        string
	HandlerType    string
	EulaID         string
	ReacceptEula   bool
	Version        string
	Publication    model.Publication
	Severity       model.Severity
	MaxDownload    int64
	KB             []string
	Bulletins      []string
	CVEs           []string
	Languages      []string
	SupportURLs    []string
	MoreInfoURLs   []string
	Installation   *memberBehavior
	Uninstallation *memberBehavior
	Prerequisites  []memberClause
	Bundles        []memberBundle
	Files          []memberFile
	RulesSize      int64
	RulesDigest    [32]byte
}

type memberBehavior struct {
	_              struct{} `cbor:",toarray"`
	Restart        model.Restart
	Impact         string
	Input, Network bool
}

type memberClause struct {
	_          struct{} `cbor:",toarray"`
	IDs        [][]byte
	IsCategory bool
}

type memberBundle struct {
	_         struct{} `cbor:",toarray"`
	AnyOf     bool
	IDs       [][]byte
	Revisions []uint32
}

type memberFile struct {
	_            struct{} `cbor:",toarray"`
	Name         string
	Size         int64
	SHA1, SHA256 []byte
}

// add packs a document.
func (m *members) add(id revision, u *metadata.Update, at memberAt) error {
	version := u.ReleaseVersion
	if version == "" && len(u.Drivers) > 0 {
		version = u.Drivers[0].Version
	}
	p := member{
		ReacceptEula: u.ReacceptEula, Version: version,
		Type: u.Type, Deployable: u.Deployable, Handler: u.Handler, HandlerType: u.HandlerType, EulaID: u.EulaID,
		Publication: u.Publication, Severity: u.Severity, MaxDownload: u.MaxDownload,
		KB: u.KB, Bulletins: u.Bulletins, CVEs: u.CVEs, Languages: u.Languages, SupportURLs: u.SupportURLs, MoreInfoURLs: u.MoreInfoURLs,
		Installation: packBehavior(u.Installation), Uninstallation: packBehavior(u.Uninstallation), RulesSize: u.RulesSize, RulesDigest: u.RulesDigest,
	}
	for _, c := range u.Prerequisites {
		packed := memberClause{IsCategory: c.IsCategory}
		for _, id := range c.IDs {
			packed.IDs = append(packed.IDs, packID(id))
		}
		p.Prerequisites = append(p.Prerequisites, packed)
	}
	for _, c := range u.Bundles {
		packed := memberBundle{AnyOf: c.AnyOf}
		for _, k := range c.Members {
			packed.IDs, packed.Revisions = append(packed.IDs, packID(k.ID)), append(packed.Revisions, k.Revision)
		}
		p.Bundles = append(p.Bundles, packed)
	}
	for _, f := range u.Files {
		p.Files = append(p.Files, memberFile{Name: f.Name, Size: f.Size, SHA1: f.SHA1, SHA256: f.SHA256})
	}
	b, err := cbor.Marshal(p)
	if err != nil {
		return fmt.Errorf("remembering %s: %w", u.ID, err)
	}
	last := len(m.chunks) - 1
	if last < 0 || len(m.chunks[last])+len(b) > cap(m.chunks[last]) {
		m.chunks = append(m.chunks, make([]byte, 0, max(chunkSize, len(b))))
		last++
	}
	if m.at == nil {
		m.at = map[revision]memberAt{}
	}
	at.bundle = u.IsBundle()
	at.chunk, at.offset, at.length = uint32(last), uint32(len(m.chunks[last])), uint32(len(b))
	m.chunks[last] = append(m.chunks[last], b...)
	m.at[id] = at
	return nil
}

// find unpacks a document; nil when the package did not hold it so far.
func (m *members) find(id revision) *metadata.Update {
	at, ok := m.at[id]
	if !ok {
		return nil
	}
	var p member
	if err := cbor.Unmarshal(m.chunks[at.chunk][at.offset:at.offset+at.length], &p); err != nil {
		return nil // what add wrote can be read: this does not happen
	}
	u := &metadata.Update{
		Identity: id.key(), ReacceptEula: p.ReacceptEula, ReleaseVersion: p.Version, Type: p.Type, Deployable: p.Deployable, Handler: p.Handler, HandlerType: p.HandlerType, EulaID: p.EulaID,
		Publication: p.Publication, Severity: p.Severity, MaxDownload: p.MaxDownload,
		KB: p.KB, Bulletins: p.Bulletins, CVEs: p.CVEs, Languages: p.Languages, SupportURLs: p.SupportURLs, MoreInfoURLs: p.MoreInfoURLs,
		Installation: p.Installation.unpack(), Uninstallation: p.Uninstallation.unpack(), RulesSize: p.RulesSize, RulesDigest: p.RulesDigest,
	}
	for _, c := range p.Prerequisites {
		clause := metadata.Clause{IsCategory: c.IsCategory}
		for _, id := range c.IDs {
			clause.IDs = append(clause.IDs, unpackID(id))
		}
		u.Prerequisites = append(u.Prerequisites, clause)
	}
	for _, c := range p.Bundles {
		clause := metadata.BundleClause{AnyOf: c.AnyOf}
		for i, id := range c.IDs {
			clause.Members = append(clause.Members, metadata.Identity{ID: unpackID(id), Revision: c.Revisions[i]})
		}
		u.Bundles = append(u.Bundles, clause)
	}
	for _, f := range p.Files {
		u.Files = append(u.Files, metadata.File{Name: f.Name, Size: f.Size, SHA1: f.SHA1, SHA256: f.SHA256})
	}
	return u
}

func packBehavior(b *metadata.Behavior) *memberBehavior {
	if b == nil {
		return nil
	}
	return &memberBehavior{Restart: b.Restart, Impact: b.Impact, Input: b.Input, Network: b.Network}
}

func (b *memberBehavior) unpack() *metadata.Behavior {
	if b == nil {
		return nil
	}
	return &metadata.Behavior{Restart: b.Restart, Impact: b.Impact, Input: b.Input, Network: b.Network}
}

// packID writes a GUID as its 16 bytes, anything else as it is.
func packID(id model.UpdateID) []byte {
	if g, ok := parseGUID([]byte(id)); ok {
		return g[:]
	}
	return []byte(id)
}

func unpackID(b []byte) model.UpdateID {
	if len(b) == len(guid{}) {
		return model.UpdateID(guid(b).String())
	}
	return model.UpdateID(b)
}
