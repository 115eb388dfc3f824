/** Where the page begins. */

import "../views/tokens.css";
import "../views/base.css";

import { mount } from "svelte";

import { languageOf } from "../views/words";
import App from "./App.svelte";

const language = languageOf(navigator.languages);
document.documentElement.lang = language;
const target = document.getElementById("app");
if (!target) throw new Error("the shell has no place for the page");
mount(App, { target, props: { language } });
