"""Safe reproduction: requests from evidence, made smaller, compared, verified and exported. Pure; `sources` sends."""
