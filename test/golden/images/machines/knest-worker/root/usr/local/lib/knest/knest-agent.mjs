knest-agent.mjs: comes with knest
