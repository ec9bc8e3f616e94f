package wsusexport

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fettle/model"
	"fettle/sync/cabinet"
)

// signed signs a package with a new certificate, as an organisation does that
// carries packages between its networks.
func signed(t *testing.T, p parts) ([]byte, *x509.CertPool) {
	t.Helper()
	tool, err := exec.LookPath("osslsigncode")
	if err != nil {
		t.Skip("osslsigncode, which signs, is not installed")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Carrier of packages"}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	var plain memory
	if err := cabinet.Create(&plain, cabinet.Options{}, []cabinet.Entry{entry("package.xml", p.manifest), entry("metadata.txt", p.records)}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, b := range map[string][]byte{
		"cert.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), "key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), "plain.cab": plain.b,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(dir, "signed.cab")
	if text, err := exec.Command(tool, "sign", "-h", "sha256", "-certs", filepath.Join(dir, "cert.pem"), "-key", filepath.Join(dir, "key.pem"), "-in", filepath.Join(dir, "plain.cab"), "-out", out).CombinedOutput(); err != nil {
		t.Fatalf("osslsigncode: %v: %s", err, text)
	}
	file, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(certificate)
	return file, roots
}

// TestSignedPackages holds that a package comes in where its signer is trusted,
// is refused where nobody knows the signer, and always when it was changed.
func TestSignedPackages(t *testing.T) {
	file, roots := signed(t, publish(t, server("a", 1), aDriver("one", 1)))
	strict := allowed
	strict.Unsigned, strict.Roots = false, roots
	s := newShelf()
	if err := bring(t, s, file, strict); err != nil || s.switches != 1 || len(s.remarks) != 0 {
		t.Errorf("by somebody trusted: %v %q", err, s.remarks)
	}
	strict.Roots = x509.NewCertPool()
	var refusal *model.Refusal
	if err := bring(t, newShelf(), file, strict); !errors.As(err, &refusal) || !strings.Contains(err.Error(), "Carrier of packages") {
		t.Errorf("by somebody unknown: %v", err)
	}
	strict.Unsigned = true
	if err := bring(t, newShelf(), file, strict); err != nil {
		t.Errorf("where that does not matter: %v", err)
	}
	file[bytes.Index(file, []byte("package.xml"))-4] ^= 2 // the time of a member, which no checksum covers
	s = newShelf()
	if err := bring(t, s, file, strict); err == nil || s.switches > 0 || !strings.Contains(err.Error(), "signature") {
		t.Errorf("changed: %v", err)
	}
}
