// The command line: one line a command.

import { Command } from 'commander';
import { VERSION } from '../control/version.ts';
import { demoCommand } from './demo.ts';
import { doctorCommand } from './doctor.ts';
import { serveCommand } from './serve.ts';

/** The whole command line. Usage errors throw a commander error instead of ending the process. */
export const createProgram = (): Command =>
  new Command('anygate')
    .description('Anycast relay gateway for anytun and uanytun clients')
    .version(VERSION)
    .addCommand(serveCommand())
    .addCommand(doctorCommand())
    .addCommand(demoCommand());
