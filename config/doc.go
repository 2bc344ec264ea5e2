// Package config reads config.toml, the one way in which jcsnode is configured.
//
// [Load] gives a complete [Config]: every key that the file leaves out has its default. All mistakes are found in
// one pass and come back together as [Problems], each with the key, what is wrong with it and what to write
// instead; a key that the program does not know is such a mistake. Relative paths are relative to the folder of the
// configuration file. Only [LoadNode] asks whether the data folder can be used: other commands must work for users who may not
// write it. The package opens no port and no database.
package config
