package upstream

import (
	"crypto/sha256"
	"encoding/binary"

	"fettle/model"
)

// digestFormat is the first byte of what is hashed. Stored revisions carry
// digests: another format makes every update a new revision once.
const digestFormat = 1

// Digest is the SHA-256 of what an upstream said about an update. Two
// descriptions with equal digests are the same revision.
//
// What this server added does not count: Number, Revision and Arrived, and
// Upstream, the name that the administrator gave. Nor does Released: a Debian
// archive only bounds it, by the date of its newest InRelease, which moves every
// day (design 6). The order within lists counts: a source sends them sorted.
func Digest(u *model.Update) [sha256.Size]byte {
	d := digest{buf: make([]byte, 0, 2048)}
	d.buf = append(d.buf, digestFormat)
	d.text(string(u.ID))
	d.text(u.Title)
	d.text(u.Description)
	d.buf = append(d.buf, byte(u.Class), byte(u.Severity), byte(u.Publication), byte(u.Restart),
		flags(u.NotLater, u.Removable, u.Required, u.Exploited, u.Debian != nil))
	texts(&d, u.Products)
	texts(&d, u.KB)
	texts(&d, u.Bulletins)
	texts(&d, u.CVEs)
	texts(&d, u.Languages)
	d.text(u.Version)
	texts(&d, u.Supersedes)
	d.text(u.Licence)
	texts(&d, u.Links)
	d.number(int64(len(u.Files)))
	for i := range u.Files {
		f := &u.Files[i]
		d.text(f.Name)
		d.number(f.Size)
		d.bytes(f.SHA1)
		d.bytes(f.SHA256)
		d.text(f.URL)
	}
	if s := u.Debian; s != nil {
		d.text(s.Archive)
		d.text(s.Release)
		d.text(s.Source)
		d.text(s.Version)
		texts(&d, s.Suites)
		d.text(s.Section)
		d.number(int64(len(s.Packages)))
		for i := range s.Packages {
			p := &s.Packages[i]
			d.text(p.Name)
			d.text(p.Arch)
			d.text(p.Version)
			d.number(p.Size)
			d.bytes(p.SHA256)
			d.text(p.Filename)
			d.buf = append(d.buf, p.Phased, p.Suites)
		}
	}
	return sha256.Sum256(d.buf)
}

// digest collects what is hashed. Every value of variable length is preceded by
// its length, so that no two descriptions give the same bytes.
type digest struct{ buf []byte }

func (d *digest) number(n int64) { d.buf = binary.AppendVarint(d.buf, n) }

func (d *digest) text(s string) {
	d.number(int64(len(s)))
	d.buf = append(d.buf, s...)
}

func (d *digest) bytes(b []byte) {
	d.number(int64(len(b)))
	d.buf = append(d.buf, b...)
}

func texts[T ~string](d *digest, list []T) {
	d.number(int64(len(list)))
	for _, s := range list {
		d.text(string(s))
	}
}

func flags(conditions ...bool) (b byte) {
	for i, c := range conditions {
		if c {
			b |= 1 << i
		}
	}
	return b
}
