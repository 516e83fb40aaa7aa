package load

// Ask is one line to the program with the stores (package lines): open an engine
// anew in a folder, run it for a slice of time, or close it.
type Ask struct {
	Do      string  `json:"do"` // "open", "run" or "close"
	Engine  string  `json:"engine"`
	Dir     string  `json:"dir,omitempty"`     // open: an empty folder
	Seed    uint64  `json:"seed,omitempty"`    // open: of the entries
	Payload int     `json:"payload,omitempty"` // open: bytes
	Follow  bool    `json:"follow,omitempty"`  // open: keys follow their stream
	Writers int     `json:"writers,omitempty"` // open
	Batch   int     `json:"batch,omitempty"`   // open
	Seconds float64 `json:"seconds,omitempty"` // run
}

// Answer is the line that answers an [Ask].
type Answer struct {
	Version string `json:"version,omitempty"` // open: of the engine's module
	Sample  Sample `json:"sample"`            // run
	Bytes   int64  `json:"bytes,omitempty"`   // close: of all files the engine has left
}
