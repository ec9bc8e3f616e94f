package publisher

import (
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"fettle/model"
)

// Item describes one revision of an update, a category or a detectoid. Fields
// that are zero are not written, except where a default is named.
type Item struct {
	ID       model.UpdateID // a GUID; a member without one gets one that follows from its bundle's
	Revision uint32         // 0 means 200, with which many of Microsoft's begin; a member has its bundle's
	Kind     model.DocumentKind
	Hidden   bool // software or a driver that no administrator decides about; members are hidden

	Language       string // of Title and its like; "" means "en"
	Title          string
	Description    string
	UninstallNotes string
	MoreInfo       []string // addresses
	Support        string   // address
	Translations   []Text   // the same in other languages

	Class         model.Classification
	Products      []model.CategoryID
	Prerequisites [][]model.UpdateID // clauses, of each of which one must be installed
	Supersedes    []model.UpdateID
	Members       []Item // the update consists of all of these,
	Alternatives  []Item // and of those of these that apply

	Severity    model.Severity
	KB          []string
	Bulletins   []string
	CVEs        []string
	Languages   []string  // of the package
	Created     time.Time // zero means Epoch; a member has its bundle's
	Publication model.Publication
	LegacyName  string
	Publisher   string // a GUID; "" means PublisherID
	AutoSelect  bool
	Beta        bool
	OSUpgrade   bool

	Files     []File
	Restart   model.Restart
	Impact    string // Normal, Minor or RequiresExclusiveHandling
	Input     bool   // installing it asks the user something
	Network   bool   // installing it needs the network
	Removable bool
	Eula      *Eula
	Handler   Handler

	Rules         Rules
	DetectoidType string // such as "SKU or Feature"
	Category      *Category
	Drivers       []Driver
}

// Text is what an item says in one more language.
type Text struct {
	Language, Title, Description, UninstallNotes string
	MoreInfo                                     []string
	Support                                      string
}

// File is a payload file.
type File struct {
	model.File
	Modified  time.Time // zero means the item's Created
	Patching  string    // PatchingType, such as "SelfContained"
	Preferred string    // PatchingTypePreferred of operating system installers
	Content   []byte    // for WriteContent; nil where only digests are known
}

// NewFile makes a file with its content, digests and an address below host.
func NewFile(name, host string, content []byte) File {
	one, two := sha1.Sum(content), sha256.Sum256(content)
	return File{
		File: model.File{
			Name: name, Size: int64(len(content)), SHA1: one[:], SHA256: two[:],
			URL: fmt.Sprintf("http://%s/c/msdownload/update/software/updt/%s_%x%s", host, strings.ToLower(stem(name)), one, strings.ToLower(extension(name))),
		},
		Patching: "SelfContained", Content: content,
	}
}

// Eula are licence terms. Several items may have the same.
type Eula struct {
	ID    string // a GUID
	Again bool   // a new revision asks again (RequiresReacceptanceOfEula)
	Terms []Terms
}

// Terms are licence terms in one language.
type Terms struct{ Language, Text string }

// file gives the file that holds the terms.
func (t Terms) file(e *Eula) File {
	return NewFile("eula-"+strings.ToLower(e.ID)+"-"+t.Language+".txt", DownloadHost, []byte(t.Text))
}

// Category says what a category is.
type Category struct {
	Kind                   model.CategoryKind
	Parent                 model.CategoryID
	Excluded               bool // the publisher leaves it out of automatic selection
	ProhibitsUpdates       bool
	ProhibitsSubcategories bool
	DisplayOrder           int
}

// Driver is one hardware that a driver is for.
type Driver struct {
	HardwareID, Class, Manufacturer, Provider, Model, Company, Version, WhqlID string
	Date                                                                       time.Time
}

// Handler is what installs an update on a computer.
type Handler uint8

// The handlers.
const (
	NoHandler          Handler = iota // of bundles and detectoids
	CommandLine                       // a program with a table of exit codes
	ComponentServicing                // Cbs: a package of Windows' components
	WindowsInstaller                  // a patch by the Windows Installer
	WindowsSetup                      // an upgrade of Windows
	OSInstaller                       // cumulative updates of newer Windows
	WindowsDriver
	categoryHandler
)

// Defaults of items.
const (
	// PublisherID is who publishes what does not say otherwise; the number is
	// that of most of Microsoft's documents.
	PublisherID = "395392a0-19c0-48b7-a927-f7c15066d905"
	// DownloadHost is where files are said to be that have no real address.
	DownloadHost = "download.example.com"

	firstRevision = 200
)

// Epoch is when items were published that do not say when.
var Epoch = time.Date(2026, 1, 13, 18, 0, 0, 0, time.UTC)

// ID makes a GUID of names: always the same for the same ones (RFC 9562,
// version 5).
func ID(names ...string) model.UpdateID {
	h := sha1.Sum([]byte("fettle publisher\x00" + strings.Join(names, "\x00")))
	h[6], h[8] = h[6]&0x0f|0x50, h[8]&0x3f|0x80
	return model.UpdateID(fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16]))
}

// Key names the item's revision.
func (it *Item) Key() model.DocumentKey {
	return model.DocumentKey{ID: model.UpdateID(strings.ToLower(string(it.ID))), Revision: it.revision()}
}

func (it *Item) revision() uint32 {
	if it.Revision == 0 {
		return firstRevision
	}
	return it.Revision
}

// Deployable says whether administrators decide about the item.
func (it *Item) Deployable() bool {
	return !it.Hidden && (it.Kind == model.DocumentSoftware || it.Kind == model.DocumentDriver)
}

// created is when the item was published.
func (it *Item) created() time.Time {
	if it.Created.IsZero() {
		return Epoch
	}
	return it.Created
}

// size is what the item's own files weigh.
func (it *Item) size() (sum int64) {
	for _, f := range it.Files {
		sum += f.Size
	}
	return sum
}

// members gives both kinds of members, with what they inherit from the item.
func (it *Item) members() (all, any []Item) {
	inherit := func(from []Item, kind string) []Item {
		out := make([]Item, len(from))
		for i, m := range from {
			m.Hidden = true
			if m.ID == "" {
				m.ID = ID(string(it.Key().ID), kind, fmt.Sprint(i))
			}
			if m.Revision == 0 {
				m.Revision = it.revision()
			}
			if m.Created.IsZero() {
				m.Created = it.Created
			}
			if m.Language == "" {
				m.Language = it.Language
			}
			if m.Class == model.ClassUnknown {
				m.Class = it.Class
			}
			if m.Products == nil {
				m.Products = it.Products
			}
			if m.Publisher == "" {
				m.Publisher = it.Publisher
			}
			out[i] = m
		}
		return out
	}
	return inherit(it.Members, "member"), inherit(it.Alternatives, "alternative")
}

// Bundle splits an update as Microsoft's are: what administrators read stays,
// and files, rules, behaviour and handler move to a member. An item that has
// members, or is neither software nor a driver, is returned as it is.
func Bundle(it Item) Item {
	if len(it.Members)+len(it.Alternatives) > 0 || it.Kind == model.DocumentCategory || it.Kind == model.DocumentDetectoid {
		return it
	}
	member := Item{
		Kind: it.Kind, Title: it.Title, Languages: it.Languages, Files: it.Files, Restart: it.Restart, Impact: it.Impact, Input: it.Input, Network: it.Network,
		Removable: it.Removable, Handler: it.Handler, Rules: it.Rules, Drivers: it.Drivers, LegacyName: it.LegacyName,
	}
	it.Files, it.Restart, it.Impact, it.Input, it.Network, it.Removable = nil, model.RestartUnknown, "", false, false, false
	it.Handler, it.Rules, it.Drivers = NoHandler, Rules{}, nil
	it.Members = []Item{member}
	return it
}

// Describe makes an item of an update as the store has it. Its identifier must
// be a GUID. The licence terms are taken for their text.
func Describe(u *model.Update) Item {
	it := Item{
		ID: u.ID, Revision: u.Document, Title: u.Title, Description: u.Description, Class: u.Class, Products: u.Products, Severity: u.Severity,
		KB: u.KB, Bulletins: u.Bulletins, CVEs: u.CVEs, Languages: u.Languages, MoreInfo: u.Links, Created: u.Released, Publication: u.Publication,
		Supersedes: u.Supersedes, Restart: u.Restart, Removable: u.Removable, Input: u.Input, AutoSelect: true,
	}
	if it.Revision == 0 {
		it.Revision = u.Revision
	}
	if u.Class == model.ClassDriver {
		it.Kind, it.Handler = model.DocumentDriver, WindowsDriver
	}
	for _, f := range u.Files {
		it.Files = append(it.Files, File{File: f, Patching: "SelfContained"})
	}
	if len(it.Files) > 0 && it.Handler == NoHandler {
		it.Handler = handlerOf(it.Files[0].Name, u.Class)
	}
	if u.Licence != "" {
		it.Eula = &Eula{ID: string(ID("licence terms", u.Licence)), Terms: []Terms{{"en", u.Licence}}}
	}
	return it
}

// handlerOf guesses what installs a file.
func handlerOf(name string, class model.Classification) Handler {
	switch ext := strings.ToLower(extension(name)); {
	case class == model.ClassDriver:
		return WindowsDriver
	case class == model.ClassUpgrade, ext == ".esd":
		return WindowsSetup
	case ext == ".msp", ext == ".msi":
		return WindowsInstaller
	case ext == ".exe":
		return CommandLine
	case ext == ".msu", ext == ".wim", ext == ".psf":
		return OSInstaller
	}
	return ComponentServicing
}

func stem(name string) string { return strings.TrimSuffix(name, extension(name)) }

// extension is like path.Ext, but does not take text for one.
func extension(name string) string {
	i := strings.LastIndexByte(name, '.')
	if i < 0 || len(name)-i > 5 || strings.ContainsAny(name[i:], `/\ `) {
		return ""
	}
	return name[i:]
}
