package authenticode_test

import (
	"bytes"
	"crypto/x509"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fettle/sync/cabinet"
	"fettle/sync/cabinet/authenticode"
)

// authority is a throw-away certificate authority with a signer of programs, a
// signer of nothing in particular, and a time stamper.
type authority struct {
	dir   string
	roots *x509.CertPool
}

func run(t testing.TB, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", strings.Join(args, " "), err, out)
	}
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	for _, tool := range []string{"openssl", "osslsigncode"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(tool + " is not installed")
		}
	}
	a := &authority{dir: t.TempDir(), roots: x509.NewCertPool()}
	run(t, a.dir, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "root.key", "-out", "root.pem", "-subj", "/CN=Test Root", "-days", "3650",
		"-addext", "keyUsage=critical,keyCertSign,cRLSign")
	for name, usage := range map[string]string{"signer": "codeSigning", "mail": "emailProtection", "stamper": "critical,timeStamping"} {
		extensions := "basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=" + usage + "\n"
		if err := os.WriteFile(filepath.Join(a.dir, name+".ext"), []byte(extensions), 0o600); err != nil {
			t.Fatal(err)
		}
		run(t, a.dir, "openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", name+".key", "-out", name+".csr", "-subj", "/O=Test/CN=Test "+name)
		run(t, a.dir, "openssl", "x509", "-req", "-in", name+".csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-out", name+".pem", "-days", "30", "-extfile", name+".ext")
	}
	root, err := os.ReadFile(filepath.Join(a.dir, "root.pem"))
	if err != nil || !a.roots.AppendCertsFromPEM(root) {
		t.Fatalf("reading the root certificate: %v", err)
	}
	return a
}

// sign signs a cabinet as osslsigncode does.
func (a *authority) sign(t testing.TB, data []byte, options ...string) []byte {
	t.Helper()
	if err := os.WriteFile(filepath.Join(a.dir, "in.cab"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	_ = os.Remove(filepath.Join(a.dir, "out.cab"))
	run(t, a.dir, append([]string{"osslsigncode", "sign", "-in", "in.cab", "-out", "out.cab"}, options...)...)
	out, err := os.ReadFile(filepath.Join(a.dir, "out.cab"))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var bySigner = []string{"-certs", "signer.pem", "-key", "signer.key", "-h", "sha256"}

func made(t testing.TB, o cabinet.Options) []byte {
	t.Helper()
	entry := func(name, content string) cabinet.Entry {
		return cabinet.Entry{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil }}
	}
	var b cabinet.Buffer
	err := cabinet.Create(&b, o, []cabinet.Entry{entry("index.xml", "<INDEX/>"), entry("package.xml", strings.Repeat("<Update/>", 40))}, []cabinet.Entry{entry("more", "of it")})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func verify(data []byte, roots *x509.CertPool, at time.Time) (*authenticode.Signature, error) {
	return authenticode.Verify(bytes.NewReader(data), int64(len(data)), roots, at)
}

// TestSigned signs cabinets of our own making with somebody else's tool, reads
// them, and judges the signature with and without the root, the time stamp and
// the right kind of certificate.
func TestSigned(t *testing.T) {
	a := newAuthority(t)
	now := time.Now()
	later := now.AddDate(0, 2, 0) // the signer's certificate has expired, the root's has not

	for _, o := range []cabinet.Options{{}, {Compression: cabinet.MSZIP}, {Compression: cabinet.LZX}, {Compression: cabinet.LZX, Set: 1234}} {
		plain := made(t, o)
		signed := a.sign(t, plain, bySigner...)
		s, err := verify(signed, a.roots, now)
		if err != nil {
			t.Fatalf("%s: %v", o.Compression, err)
		}
		if !s.Trusted || s.Reason != "" || s.Subject != "CN=Test signer, O=Test" || s.Issuer != "CN=Test Root" || s.Digest != "SHA-256" || !s.Stamped.IsZero() {
			t.Errorf("%s: %+v", o.Compression, s)
		}
		c, err := cabinet.Open(bytes.NewReader(signed), int64(len(signed)), cabinet.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if !c.Signed() || len(c.Files()) != 3 || c.Size() >= int64(len(signed)) {
			t.Errorf("%s: the signed cabinet reads as %+v", o.Compression, c)
		}
		r, err := c.Open(c.Find("package.xml"))
		if err != nil {
			t.Fatal(err)
		}
		if content, err := io.ReadAll(r); err != nil || len(content) != 360 {
			t.Errorf("%s: %d bytes: %v", o.Compression, len(content), err)
		}
	}

	plain := made(t, cabinet.Options{Compression: cabinet.LZX})
	signed := a.sign(t, plain, bySigner...)
	stamped := a.sign(t, plain, append(slices.Clone(bySigner), "-TSA-certs", "stamper.pem", "-TSA-key", "stamper.key", "-n", "a test")...)
	for _, test := range []struct {
		what    string
		data    []byte
		roots   *x509.CertPool
		at      time.Time
		reason  string // empty: trusted
		stamped bool
	}{
		{"no root", signed, x509.NewCertPool(), now, "nobody trusted vouches for CN=Test signer", false},
		{"expired", signed, a.roots, later, "was not valid on", false},
		{"expired but stamped", stamped, a.roots, later, "", true},
		{"stamp without its root", stamped, x509.NewCertPool(), now, "nobody trusted vouches", false},
		{"stamp of the future", stamped, a.roots, now.AddDate(0, 0, -9), "it lies in the future", false},
		{"certificate for mail", a.sign(t, plain, "-certs", "mail.pem", "-key", "mail.key", "-h", "sha256"), a.roots, now, "not meant for signing programs", false},
		{"SHA-1", a.sign(t, plain, "-certs", "signer.pem", "-key", "signer.key", "-h", "sha1"), a.roots, now, "can be forged", false},
	} {
		s, err := verify(test.data, test.roots, test.at)
		switch {
		case err != nil:
			t.Errorf("%s: %v", test.what, err)
		case s.Trusted != (test.reason == "") || !strings.Contains(s.Reason, test.reason) || s.StampTrusted != test.stamped:
			t.Errorf("%s: %+v", test.what, s)
		case test.stamped && (s.StampedBy != "CN=Test stamper, O=Test" || s.Stamped.Sub(now).Abs() > time.Hour || s.Description != "a test"):
			t.Errorf("%s: %+v", test.what, s)
		}
	}

	if _, err := verify(plain, a.roots, now); !errors.Is(err, authenticode.ErrUnsigned) {
		t.Errorf("unsigned: %v", err)
	}
	if _, err := verify([]byte("no cabinet at all"), a.roots, now); !errors.Is(err, cabinet.ErrNotCabinet) {
		t.Errorf("no cabinet: %v", err)
	}
	if _, err := verify(append(bytes.Clone(signed), 0), a.roots, now); !errors.Is(err, authenticode.ErrInvalid) {
		t.Errorf("a byte behind: %v", err)
	}
	if _, err := verify(signed[:len(signed)-1], a.roots, now); !errors.Is(err, authenticode.ErrInvalid) {
		t.Errorf("a byte less: %v", err)
	}
}

// TestEveryByteIsCovered changes each byte of a signed cabinet. What is not
// refused is listed in the package's documentation, and does not change what
// comes out.
func TestEveryByteIsCovered(t *testing.T) {
	a := newAuthority(t)
	signed := a.sign(t, made(t, cabinet.Options{Compression: cabinet.LZX}), bySigner...)
	c, err := cabinet.Open(bytes.NewReader(signed), int64(len(signed)), cabinet.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	var open, loose []int
	for i := range signed {
		for _, flip := range []byte{1, 0x80} {
			changed := bytes.Clone(signed)
			changed[i] ^= flip
			s, err := verify(changed, a.roots, now)
			if err != nil || !s.Trusted {
				continue
			}
			if int64(i) < c.Size() {
				open = append(open, i)
			} else {
				loose = append(loose, i-int(c.Size()))
			}
			if s.Subject != "CN=Test signer, O=Test" {
				t.Errorf("byte %d: now signed by %s", i, s.Subject)
			}
		}
	}
	uncovered := []int{4, 5, 6, 7, 34, 35, 52, 53, 54, 55}
	if got := slices.Compact(open); !slices.Equal(got, uncovered) {
		t.Errorf("bytes of the cabinet that can be changed: %v, documented: %v", got, uncovered)
	}
	// Versions, parameters of algorithms and padding.
	if got := len(slices.Compact(loose)); got > 60 {
		t.Errorf("%d bytes of the signature can be changed: %v", got, slices.Compact(loose))
	}
	t.Logf("bytes of the signature that can be changed without losing trust: %v of %d", slices.Compact(loose), len(signed)-int(c.Size()))
}
