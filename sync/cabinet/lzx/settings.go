package lzx

// FrameSize is how many bytes a frame holds; only the last of a stream is
// shorter.
const FrameSize = 32768

// Windows that the format knows: the logarithm of the size.
const (
	MinWindow = 15
	MaxWindow = 21
)

// Block is a kind of block.
type Block uint8

// The kinds of blocks. The values of the last three are the format's own.
const (
	Smallest     Block = iota // whichever comes out smallest
	Verbatim                  // codes for literals, lengths and distances
	Aligned                   // and one for the low three bits of distances
	Uncompressed              // the bytes as they are
)

// Settings say how an Encoder works. The zero value is the right one for
// catalogues; the rest is for machine code and for fixtures.
type Settings struct {
	// Blocks lists the kinds of blocks to make, over and over; none means
	// Smallest.
	Blocks []Block
	// BlockSize is how many bytes go into a block, at least 4,096; 0 lets the
	// encoder decide.
	BlockSize int
	// Translate is the size for which calls of x86 machine code are made
	// absolute; 0 leaves them. Any size that a stream may have will do;
	// Microsoft's tools write 12,000,000.
	Translate int32
	// Effort is how many earlier places are looked at for each match; 0 means
	// 24. More is smaller and slower.
	Effort int
}
