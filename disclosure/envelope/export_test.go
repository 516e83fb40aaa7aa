package envelope

// Split is what cuts a data key.
var Split = split
