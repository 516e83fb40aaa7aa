package envelope

import "errors"

// The errors. None of them holds a byte of an envelope, of a share or of an
// identity. Values that are malformed on the way in are reported as
// [*disclosure.FieldError].
var (
	// ErrRefused means that the envelope does not open: wrong key, scope, role
	// or share, or bytes that are not those that were sealed. Which of them is
	// not told.
	ErrRefused = errors.New("envelope: refused")
	// ErrShredded means that the envelope has been destroyed; only its digest is left.
	ErrShredded = errors.New("envelope: shredded")
	// ErrUnavailable is what an [Opener] returns, or wraps, if it could not try:
	// the device is away, or its owner has not answered. It may be asked again.
	ErrUnavailable = errors.New("envelope: the holder of the key cannot be reached")
	// ErrEncoding means that bytes or text are not an encoding of this package.
	ErrEncoding = errors.New("envelope: invalid encoding")
)
