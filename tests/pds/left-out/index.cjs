throw new Error('this dependency is left out of the test installation: see "overrides" in tests/pds/v0_*/package.json')
