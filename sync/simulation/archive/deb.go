package archive

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// Package describes one binary package to build.
type Package struct {
	Name, Version string
	Arch          string // empty = amd64
	Source        string // as the field has it: "name" or "name (version)"; empty = as Name
	Section       string // empty = "misc"
	Depends       string
	Recommends    string
	Breaks        string
	Conflicts     string
	Provides      string
	Phased        int               // Phased-Update-Percentage in the index; 0 = none
	Description   string            // empty = a sentence with the name
	Files         map[string]string // path -> content
	Conffiles     map[string]string // path -> content, listed in conffiles
	Scripts       map[string]string // "postinst" -> shell text; it may touch only "$DPKG_ROOT"
	Fields        map[string]string // any other control fields
	Size          int               // bytes of incompressible padding, to give a package weight
}

// Filename is the name of the package's file in the pool.
func (p Package) Filename() string {
	_, version, ok := strings.Cut(p.Version, ":") // the epoch is not part of file names
	if !ok {
		version = p.Version
	}
	return fmt.Sprintf("%s_%s_%s.deb", p.Name, version, p.arch())
}

func (p Package) arch() string { return cmp.Or(p.Arch, "amd64") }

// control writes the control stanza without a final blank line.
func (p Package) control() string {
	var b strings.Builder
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	field("Package", p.Name)
	field("Source", p.Source)
	field("Version", p.Version)
	field("Architecture", p.arch())
	field("Maintainer", "Fettle tests <tests@example.invalid>")
	field("Installed-Size", fmt.Sprint(1+p.Size/1024))
	field("Depends", p.Depends)
	field("Recommends", p.Recommends)
	field("Breaks", p.Breaks)
	field("Conflicts", p.Conflicts)
	field("Provides", p.Provides)
	field("Section", cmp.Or(p.Section, "misc"))
	field("Priority", "optional")
	for _, name := range slices.Sorted(maps.Keys(p.Fields)) {
		field(name, p.Fields[name])
	}
	field("Description", cmp.Or(p.Description, "package "+p.Name+" of a test"))
	return b.String()
}

// Build makes the .deb: an ar archive of two compressed tars (deb(5)).
func (p Package) Build() ([]byte, error) {
	controls := map[string]string{"control": p.control()}
	for name, text := range p.Scripts {
		controls[name] = text
	}
	var conffiles strings.Builder
	data := maps.Clone(p.Files)
	if data == nil {
		data = map[string]string{}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Conffiles)) {
		fmt.Fprintf(&conffiles, "/%s\n", strings.TrimPrefix(name, "/"))
		data[name] = p.Conffiles[name]
	}
	if conffiles.Len() > 0 {
		controls["conffiles"] = conffiles.String()
	}
	data["usr/share/doc/"+p.Name+"/version"] = p.Version + "\n"
	if p.Size > 0 {
		data["usr/share/"+p.Name+"/padding"] = padding(p.Size, p.Name+p.Version)
	}
	control, err := tarball(controls, func(name string) bool { return p.Scripts[name] != "" })
	if err != nil {
		return nil, err
	}
	files, err := tarball(data, func(name string) bool { return strings.HasPrefix(name, "usr/bin/") })
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.WriteString("!<arch>\n")
	for _, m := range []struct {
		name string
		body []byte
	}{{"debian-binary", []byte("2.0\n")}, {"control.tar.gz", control}, {"data.tar.gz", files}} {
		fmt.Fprintf(&out, "%-16s%-12d%-6d%-6d%-8o%-10d`\n", m.name, 0, 0, 0, 0o100644, len(m.body))
		out.Write(m.body)
		if len(m.body)%2 == 1 {
			out.WriteByte('\n')
		}
	}
	return out.Bytes(), nil
}

// tarball writes files and the directories above them, owned by root.
func tarball(files map[string]string, executable func(string) bool) ([]byte, error) {
	var buf bytes.Buffer
	zip := gzip.NewWriter(&buf)
	tw := tar.NewWriter(zip)
	epoch := time.Unix(0, 0)
	dirs := map[string]bool{".": true}
	if err := tw.WriteHeader(&tar.Header{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755, ModTime: epoch}); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		clean := strings.TrimPrefix(path.Clean("/"+name), "/")
		parts := strings.Split(path.Dir(clean), "/")
		for i := range parts {
			dir := path.Join(parts[:i+1]...)
			if dirs[dir] {
				continue
			}
			dirs[dir] = true
			if err := tw.WriteHeader(&tar.Header{Name: "./" + dir + "/", Typeflag: tar.TypeDir, Mode: 0o755, ModTime: epoch}); err != nil {
				return nil, err
			}
		}
		mode := int64(0o644)
		if executable(name) {
			mode = 0o755
		}
		if err := tw.WriteHeader(&tar.Header{Name: "./" + clean, Typeflag: tar.TypeReg, Mode: mode, Size: int64(len(files[name])), ModTime: epoch}); err != nil {
			return nil, err
		}
		if _, err := tw.Write([]byte(files[name])); err != nil {
			return nil, err
		}
	}
	if err := tw.Close(); err != nil {
		return nil, err
	}
	if err := zip.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// padding is text that does not compress, the same for the same seed.
func padding(n int, seed string) string {
	b := make([]byte, n)
	state := uint64(14695981039346656037)
	for i := range len(seed) {
		state = (state ^ uint64(seed[i])) * 1099511628211
	}
	for i := range b {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		b[i] = byte(state)
	}
	return string(b)
}
