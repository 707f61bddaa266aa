"""What each code of a problem, finding, refusal or error means: one TOML file for each theme."""
