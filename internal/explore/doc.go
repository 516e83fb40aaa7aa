// Package explore writes down what the machine of package disclosure is, and
// walks through all of what it can do: every state, every sequence of commands
// and every pair of sessions that one side must not be able to tell apart.
// Each walk counts what it saw and returns what broke a promise.
package explore
